"""`millrace topics create` on a real Kafka."""

import pytest
from kafka import KafkaAdminClient
from typer.testing import CliRunner

from tests.support.waiting import wait_until
from worker import cli
from worker.embedded.kafka_broker import KafkaBroker
from worker.settings import topics_called


def create(servers: str, name: str, partitions: int) -> str:
    """What the command prints."""
    own = topics_called(name) | {"partitions": str(partitions)}
    settings = [f"--set=kafka.{setting}={value}" for setting, value in own.items()]
    result = CliRunner().invoke(cli.app, ["topics", "create", "--bootstrap-servers", servers, *settings])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.usefixtures("no_settings_from_outside")
def test_absent_topics_are_created_and_those_that_are_there_stay_as_they_are(
    kafka: KafkaBroker, topic_name: str
) -> None:
    servers = kafka.bootstrap_servers
    names = list(topics_called(topic_name).values())
    assert create(servers, topic_name, 3) == "".join(f"{name}: created\n" for name in names)
    assert create(servers, topic_name, 5) == "".join(f"{name}: was there\n" for name in names)
    with KafkaAdminClient(bootstrap_servers=servers) as admin:

        def partitions() -> list[int]:
            return [len(topic["partitions"]) for topic in admin.describe_topics(names)]

        wait_until(lambda: sorted(partitions()) == [1, 1, 1, 1, 1, 3], 30, "all topics with their partitions")
