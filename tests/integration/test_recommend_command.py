"""`millrace recommend` on a real Valkey and a real Kafka."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kafka import KafkaProducer
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from worker.adapters.redis_lists import RedisLists
from worker.cli import app
from worker.embedded.kafka_broker import KafkaBroker
from worker.events import Item, Reason, RecommendationList, position_text
from worker.settings import ListSettings, RedisSettings


@pytest.fixture
def lists(redis_url: str, no_settings_from_outside: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisLists]:
    """A Redis that the settings name."""
    monkeypatch.setenv("MILLRACE_REDIS__URL", redis_url)
    with closing(RedisLists(RedisSettings(url=SecretStr(redis_url)), ListSettings())) as sink:
        yield sink


def publish(lists: RedisLists) -> None:
    reasons = [Reason("next", "z"), Reason("popular_slow")]
    lists.publish({"ann": RecommendationList(position_text(1, 5), ["a", "b"], [0.75, 0.5], reasons, "m1", 1_000)})
    lists.publish_popular(RecommendationList("", ["b"], [0.1], [Reason("popular_slow")], "m1", 1_000))


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["recommend", *arguments])


def as_json(*arguments: str) -> dict[str, Any]:
    result = invoke(*arguments, "--json")
    assert result.exit_code == 0, result.output
    shown: dict[str, Any] = json.loads(result.stdout)
    return shown


def test_a_list_is_shown_with_titles_of_a_file(lists: RedisLists, tmp_path: Path) -> None:
    publish(lists)
    items = tmp_path / "items.csv"
    items.write_text("item_id,title\na,Apple [red]\nz,Zebra\n")
    output = invoke("ann", "--items", str(items)).output
    assert output.startswith("The list of ann, ")
    assert "Apple [red]" in output
    assert "often comes right after Zebra" in output
    shown = as_json("ann", "--items", str(items))
    assert [each["title"] for each in shown["items"]] == ["Apple [red]", "b"]
    assert shown["age_seconds"] > 0


def test_a_user_without_a_list_gets_the_popular_one(lists: RedisLists) -> None:
    publish(lists)
    assert invoke("bob").output.startswith("bob has no list yet: the popular list, ")
    shown = as_json("bob")
    assert shown["personal"] is False
    assert [each["item_id"] for each in shown["items"]] == ["b"]


def test_explanations_are_shown_item_by_item(lists: RedisLists) -> None:
    shares, parts = {"next": 0.25, "vector": 0.75}, {"mixture": -1.5, "bias": 0.25}
    reasons = [Reason("vector", shares=shares, parts=parts)]
    lists.publish({"ann": RecommendationList(position_text(1, 5), ["a"], [0.75], reasons, "m1", 1_000)})
    lines = invoke("ann", "--explain").stdout.splitlines()
    assert "1. a: fits what you had lately" in lines
    assert [line.split() for line in lines[-3:]] == [
        ["vector", "75.0%", "█" * 15, "mixture", "-1.500"],
        ["next", "25.0%", "█" * 5, "bias", "+0.250"],
        ["in", "sum", "-1.250"],
    ]
    assert as_json("ann")["items"][0]["parts"] == parts


def test_a_list_without_explanations_says_how_to_get_them(lists: RedisLists) -> None:
    publish(lists)
    assert "lists.explanations = true" in invoke("ann", "--explain").stderr


def test_without_any_list_it_says_so(lists: RedisLists) -> None:
    lists.ping()
    assert "no list of bob" in str(invoke("bob").exception)


def test_titles_come_from_the_items_topic(
    lists: RedisLists, kafka: KafkaBroker, make_topic: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(lists)
    topic = make_topic(cleanup_policy="compact")
    with closing(KafkaProducer(bootstrap_servers=kafka.bootstrap_servers)) as producer:
        for item in (Item("a", "Apple"), Item("z", "Zebra")):
            producer.send(topic, msgspec.json.encode(item), item.item_id.encode()).get(20)
    monkeypatch.setenv("MILLRACE_KAFKA__ITEMS_TOPIC", topic)
    shown = as_json("ann", "--bootstrap-servers", kafka.bootstrap_servers)
    assert [each["title"] for each in shown["items"]] == ["Apple", "b"]
    assert shown["items"][0]["reason"] == "often comes right after Zebra"


def test_a_kafka_that_is_away_costs_the_titles_only(lists: RedisLists, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(lists)
    monkeypatch.setenv("MILLRACE_KAFKA__CONNECT_TIMEOUT_SECONDS", "0.3")
    result = invoke("ann", "--bootstrap-servers", "127.0.0.1:1")
    assert result.exit_code == 0
    assert result.stderr.startswith("note: no titles: Kafka at 127.0.0.1:1")
    assert "The list of ann" in result.stdout
