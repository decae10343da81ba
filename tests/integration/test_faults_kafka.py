"""A real Kafka stops, hangs, loses its leader or its network under a real worker: no event is lost or learned twice."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ResourceType

from tests.support.fault_run import FaultRun, fault_settings
from tests.support.hooks import dawdle_in
from tests.support.kafka_nodes import ConfiguredBroker, broker_behind, guarded_broker, servers, three_nodes, unreadable
from tests.support.live_worker import OtherProcess
from tests.support.proxy import Proxy
from tests.support.tasks import in_threads
from tests.support.waiting import wait_for_seconds, wait_until
from worker.embedded.kafka_broker import KafkaBroker
from worker.embedded.ports import HOST
from worker.errors import ConfigurationError

EVENTS_PER_SECOND = 1000.0
OUTAGE_SECONDS = 20.0
SHORT_SECONDS = 4.0
SEEN_SECONDS = 30.0

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def settings(kafka: KafkaBroker, redis_url: str, topic_name: str, tmp_path: Path) -> dict[str, Any]:
    return fault_settings(kafka.bootstrap_servers, redis_url, topic_name, tmp_path)


def learns_on(worker: OtherProcess) -> None:
    worker.wait_ready()
    learned = worker.metric("events_learned_total")
    wait_until(lambda: worker.metric("events_learned_total") > learned + 500, SEEN_SECONDS, "events are learned")


@contextmanager
def away(broker: KafkaBroker, seconds: float) -> Iterator[None]:
    """The broker is gone for so long, as after kill -9."""
    broker.kill()
    yield
    wait_for_seconds(seconds)
    broker.start()


def test_a_broker_that_is_away_for_20_seconds_costs_time_and_nothing_else(
    kafka: KafkaBroker, settings: dict[str, Any], tmp_path: Path
) -> None:
    with FaultRun(settings, tmp_path, rate=EVENTS_PER_SECOND) as run:
        worker = run.start()
        learns_on(worker)
        with away(kafka, OUTAGE_SECONDS):
            assert worker.page("/livez")[0] == 200
        learns_on(worker)
        assert run.epochs() == dict.fromkeys(run.partitions, 1), "nobody was put out of the group"
        assert run.finish(worker).faults() == {}


def test_a_broker_that_hangs_for_a_while_costs_time_and_nothing_else(
    kafka: KafkaBroker, settings: dict[str, Any], tmp_path: Path
) -> None:
    settings["kafka.session_timeout_seconds"] = 20.0
    with FaultRun(settings, tmp_path, rate=EVENTS_PER_SECOND) as run:
        worker = run.start()
        learns_on(worker)
        os.kill(kafka.pid, signal.SIGSTOP)
        wait_for_seconds(SHORT_SECONDS)
        os.kill(kafka.pid, signal.SIGCONT)
        learns_on(worker)
        assert run.finish(worker).faults() == {}


def test_without_a_broker_at_the_commit_the_snapshot_stands_and_the_worker_goes_on(
    kafka: KafkaBroker, settings: dict[str, Any], tmp_path: Path
) -> None:
    with FaultRun(settings, tmp_path, rate=EVENTS_PER_SECOND) as run:
        worker = run.start(0, dawdle_in("C4", tmp_path / "mark"))
        wait_until((tmp_path / "mark").exists, SEEN_SECONDS, "a commit is due")
        with away(kafka, SHORT_SECONDS):
            pass
        learns_on(worker)
        assert run.finish(worker).faults() == {}
    assert "the offsets were not committed this time" in (tmp_path / "w-0.log").read_text()


def test_a_network_to_kafka_that_is_cut_half_open_or_slow_costs_time_and_nothing_else(
    redis_url: str, topic_name: str, tmp_path: Path
) -> None:
    with Proxy() as proxy:
        broker, port = broker_behind(proxy.port)
        proxy.aim(port)
        with broker:
            settings = fault_settings(broker.bootstrap_servers, redis_url, topic_name, tmp_path)
            with FaultRun(settings, tmp_path, rate=EVENTS_PER_SECOND) as run:
                worker = run.start(kafka__bootstrap_servers=f"{HOST}:{proxy.port}", kafka__session_timeout_seconds=20.0)
                learns_on(worker)
                with proxy.cut():
                    wait_for_seconds(SHORT_SECONDS)
                learns_on(worker)
                with proxy.half_open():
                    wait_for_seconds(SHORT_SECONDS)
                learns_on(worker)
                with proxy.slow(0.1):
                    learns_on(worker)
                assert run.epochs() == dict.fromkeys(run.partitions, 1), "nobody was put out of the group"
                assert run.finish(worker).faults() == {}


def leader_of(nodes: list[ConfiguredBroker], topic: str) -> ConfiguredBroker:
    """The node that leads partition 0."""
    with KafkaAdminClient(bootstrap_servers=servers(nodes)) as admin:
        (described,) = admin.describe_topics([topic])
    leader = next(int(each["leader_id"]) for each in described["partitions"] if each["partition_index"] == 0)
    return nodes[leader - 1]


def test_of_three_nodes_the_leader_may_be_killed(redis_url: str, topic_name: str, tmp_path: Path) -> None:
    with three_nodes() as nodes:
        settings = fault_settings(servers(nodes), redis_url, topic_name, tmp_path)
        with FaultRun(settings, tmp_path, rate=EVENTS_PER_SECOND, replicas=3) as run:
            worker = run.start()
            learns_on(worker)
            leader, killed_at = leader_of(nodes, topic_name), time.time()
            leader.kill()
            learns_on(worker)
            wait_for_seconds(SHORT_SECONDS)
            leader.start()
            learns_on(worker)
            stood_still_seconds = run.lists.stood_still_seconds(killed_at, time.time())
            assert stood_still_seconds < SEEN_SECONDS
            assert run.finish(worker).faults() == {}


def test_of_three_nodes_two_may_be_gone_for_a_while(redis_url: str, topic_name: str, tmp_path: Path) -> None:
    with three_nodes() as nodes:
        settings = fault_settings(servers(nodes), redis_url, topic_name, tmp_path)
        settings["kafka.session_timeout_seconds"] = 20.0
        with FaultRun(settings, tmp_path, rate=EVENTS_PER_SECOND, replicas=3) as run:
            worker = run.start()
            learns_on(worker)
            leader = leader_of(nodes, topic_name)
            gone = [leader, next(node for node in nodes if node is not leader)]
            for node in gone:
                node.kill()
            wait_for_seconds(SHORT_SECONDS)
            learned = worker.metric("events_learned_total")
            wait_for_seconds(SHORT_SECONDS)
            assert worker.metric("events_learned_total") == learned, "nothing is acknowledged without a majority"
            assert worker.page("/livez")[0] == 200
            in_threads([node.start for node in gone])
            learns_on(worker)
            assert run.epochs() == dict.fromkeys(run.partitions, 1), "nobody was put out of the group"
            assert run.finish(worker).faults() == {}
    assert "the offsets were not committed this time" in (tmp_path / "w-0.log").read_text()


@pytest.mark.parametrize("kind", [ResourceType.TOPIC, ResourceType.GROUP], ids=["topic", "group"])
def test_a_worker_that_may_not_read_any_more_ends_and_goes_on_once_it_may(
    kind: ResourceType, redis_url: str, topic_name: str, tmp_path: Path
) -> None:
    with guarded_broker() as broker:
        settings = fault_settings(broker.bootstrap_servers, redis_url, topic_name, tmp_path)
        with FaultRun(settings, tmp_path, rate=EVENTS_PER_SECOND) as run:
            worker = run.start()
            learns_on(worker)
            name = topic_name if kind is ResourceType.TOPIC else settings["kafka.group_id"]
            with unreadable(broker, kind, name):
                assert worker.wait(SEEN_SECONDS) == ConfigurationError.exit_code
                assert run.start().wait(SEEN_SECONDS) == ConfigurationError.exit_code
            worker = run.start()
            learns_on(worker)
            assert run.finish(worker).faults() == {}
    assert f"grant READ on the topic {topic_name} and on the group" in (tmp_path / "w-0.log").read_text()
