"""What people decided outlives kills and moves of partitions, on a real Kafka and a real Redis."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from producers.kafka_writer import ensure_topics, standard_topics
from tests.support.event_topics import everything, produce, topic_settings
from tests.support.forked import ForkedWorker
from tests.support.live_worker import ApiProcess
from tests.support.records import line
from tests.support.rig import room_for
from tests.support.snapshots import newest_offset
from tests.support.waiting import wait_until
from worker.embedded.kafka_broker import KafkaBroker
from worker.events import list_key
from worker.settings import load

PARTITIONS, USERS, ROUNDS = 4, 40, 6
SECONDS = 90.0
FORGOTTEN, BLOCKED = "user-to-be-forgotten", "i3"

pytestmark = pytest.mark.timeout(300)

Settings = dict[str, Any]


@pytest.fixture
def settings(kafka: KafkaBroker, redis_url: str, make_topic: Callable[..., str], tmp_path: Path) -> Settings:
    topics = topic_settings(kafka.bootstrap_servers, make_topic(partitions=PARTITIONS))
    of_topics = load(overrides=topics, environment={}).kafka
    ensure_topics(of_topics, standard_topics(of_topics))
    return {
        **topics,
        "kafka.partitions": PARTITIONS,
        "kafka.session_timeout_seconds": 6.0,
        "kafka.heartbeat_interval_seconds": 0.2,
        "redis.url": redis_url,
        "redis.key_prefix": topics["kafka.events_topic"],
        "snapshots.directory": tmp_path / "snapshots",
        "snapshots.interval_seconds": 1.0,
        "lists.popular_interval_seconds": 0.2,
        "learning.repeats": "allow",
        **room_for(items=100, users=400, partitions=PARTITIONS),
    }


def worker(settings: Settings, number: int, folder: Path) -> ForkedWorker:
    return ForkedWorker({**settings, "kafka.instance_id": f"w-{number}"}, folder)


def feed(settings: Settings) -> None:
    """Each user takes some items; where they go is told by their id, as producers do it."""
    users = [FORGOTTEN, *(f"u{number}" for number in range(USERS))]
    for user in users:
        lines = [line(user, f"i{number}") for number in range(ROUNDS)]
        produce(
            settings["kafka.bootstrap_servers"],
            settings["kafka.events_topic"],
            lines,
            key=user.encode(),
            partition=None,
        )


def committed(settings: Settings) -> int:
    """Events that are in snapshots."""
    return sum(newest_offset(settings, partition) for partition in range(PARTITIONS))


def lists(client: redis.Redis, settings: Settings) -> dict[str, list[str]]:
    users = [FORGOTTEN, *(f"u{number}" for number in range(USERS))]
    found = {user: client.get(list_key(user, settings["redis.key_prefix"])) for user in users}
    return {user: json.loads(content)["items"] for user, content in found.items() if content}


def stands_in_snapshots(settings: Settings, text: str) -> bool:
    files = [path for path in Path(settings["snapshots.directory"]).rglob("*") if path.is_file()]
    return any(text.encode() in path.read_bytes() for path in files)


def receipts(settings: Settings) -> list[dict[str, Any]]:
    records = everything(settings["kafka.bootstrap_servers"], settings["kafka.control_topic"])
    return [found for record in records if (found := json.loads(record.value))["type"] == "receipt"]


def is_done(settings: Settings) -> bool:
    """Whether receipts tell of all partitions."""
    told = {partition for record in receipts(settings) for partition in record["partitions"]}
    return told == set(range(PARTITIONS))


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def test_rules_and_forgetting_survive_kills_and_moves(settings: Settings, client: redis.Redis, tmp_path: Path) -> None:
    feed(settings)
    with worker(settings, 0, tmp_path) as first, worker(settings, 1, tmp_path) as second:
        wait_until(lambda: len(lists(client, settings)) == USERS + 1, SECONDS, "everyone has a list")
        wait_until(lambda: stands_in_snapshots(settings, FORGOTTEN), SECONDS, "the user is in a snapshot")
        with ApiProcess(settings, tmp_path) as api:
            api.wait_ready()
            body = {"action": "block", "item_id": BLOCKED, "author": "ed"}
            assert httpx.post(f"{api.url}/v1/rules", json=body).status_code == 201
            assert httpx.delete(f"{api.url}/v1/users/{FORGOTTEN}").status_code == 202
            first.kill()
            second.kill()
            assert api.terminate() == 0
    with worker(settings, 0, tmp_path) as first:
        wait_until(lambda: is_done(settings), SECONDS, "the survivor of a kill gives receipts")
        assert not stands_in_snapshots(settings, FORGOTTEN)
        assert FORGOTTEN not in lists(client, settings)
        wait_until(
            lambda: not any(BLOCKED in items for items in lists(client, settings).values()),
            SECONDS,
            "no list shows what is blocked",
        )
        with worker(settings, 1, tmp_path) as second:
            wait_until(lambda: second.owned_partitions() != [], SECONDS, "partitions move")
            feed(settings)
            expected = 2 * ROUNDS * (USERS + 1)
            wait_until(lambda: committed(settings) == expected, SECONDS, "all events are learned")
            assert first.terminate() == 0
            assert second.terminate() == 0
    found = lists(client, settings)
    assert FORGOTTEN in found, "who came back has a list"
    assert len(found) == USERS + 1
    assert not any(BLOCKED in items for items in found.values())
    assert stands_in_snapshots(settings, FORGOTTEN)
