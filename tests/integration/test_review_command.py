"""`millrace review` on a real Kafka: what users reported, and what is decided about it."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from producers.kafka_writer import ensure_topics, standard_topics
from tests.support.event_topics import produce, topic_settings
from worker import cli
from worker.adapters.kafka_table import KafkaTable
from worker.control import Control
from worker.embedded.kafka_broker import KafkaBroker
from worker.review_records import Report, review_key
from worker.settings import Settings, load


@pytest.fixture
def settings(kafka: KafkaBroker, make_topic: Callable[..., str]) -> Settings:
    settings = load(overrides=topic_settings(kafka.bootstrap_servers, make_topic(partitions=1)), environment={})
    ensure_topics(settings.kafka, standard_topics(settings.kafka))
    return settings


def review(settings: Settings, *arguments: str) -> Any:
    kafka = settings.kafka
    topics = [f"--set=kafka.{name}_topic={getattr(kafka, f'{name}_topic')}" for name in ("review", "control", "audit")]
    servers = ["--bootstrap-servers", kafka.bootstrap_servers or ""]
    return CliRunner().invoke(cli.app, ["review", *arguments, *servers, *topics])


@pytest.mark.usefixtures("no_settings_from_outside")
def test_a_reported_item_waits_until_it_is_decided_and_the_rule_holds(settings: Settings) -> None:
    kafka = settings.kafka
    assert review(settings, "list").output == "Nothing waits for a review.\n"
    for user in "ab":
        report = Report("tea", user, 7)
        value = msgspec.json.encode(report)
        produce(kafka.bootstrap_servers or "", kafka.review_topic, [value], key=review_key(report).encode())
    (waiting,) = json.loads(review(settings, "list", "--json").output)
    assert (waiting["item_id"], waiting["reports"]) == ("tea", 2)
    assert "tea" in review(settings, "list").output
    assert review(settings, "decide", "tea", "block", "--author", "ed").output == "tea: block\n"
    assert json.loads(review(settings, "list", "--json").output) == []
    control = Control(KafkaTable(kafka, kafka.control_topic))
    while not control.caught_up:
        control.refresh(0)
    control.close()
    assert [(rule.item_id, rule.author) for rule in control.rules] == [("tea", "ed")]


@pytest.mark.usefixtures("no_settings_from_outside")
def test_a_faulty_decision_is_refused(settings: Settings) -> None:
    result = review(settings, "decide", "tea", "bury", "--author", "ed", "--strength", "0.5")
    assert "strength is 0.5" in str(result.exception)
