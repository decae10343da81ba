"""A real worker, killed in mid-stream on a real Kafka and a real Valkey, goes on as if nothing had happened."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kafka import KafkaConsumer, TopicPartition

from models.registry import EXPERTS
from tests.support.event_topics import produce, topic_settings
from tests.support.live_worker import START_SECONDS, WorkerProcess, WorkerThread
from tests.support.records import line
from tests.support.rig import room_for
from tests.support.snapshots import Loaded, newest_offset
from tests.support.waiting import wait_until
from worker.adapters.redis_lists import RedisLists
from worker.budgets import items_budget_bytes
from worker.embedded.kafka_broker import KafkaBroker
from worker.settings import load

EVENTS = 20_000
USERS, ITEMS = 200, 300
TRAINED = {
    "experts.sequence": True,
    "experts.sequence_budget": 1.0,
    "memory.items_bytes": items_budget_bytes(250, (*EXPERTS, "sequence")),
}
DEADLINE_SECONDS = 20.0  # run.drain_seconds


def stream() -> list[bytes | None]:
    """Events of users with tastes of their own; the last record holds one of every user.

    So each list that stands in the end is made of all events, whenever it was refreshed before.
    """
    random = np.random.default_rng(11)
    now_ms = int(time.time() * 1000)
    users = random.integers(USERS, size=EVENTS)
    items = (users * 7 + random.geometric(0.05, size=EVENTS)) % ITEMS
    pairs = zip(users.tolist(), items.tolist(), strict=True)
    events = [line(f"u{user}", f"i{item}", ts=now_ms + place) for place, (user, item) in enumerate(pairs)]
    last = [line(f"u{user}", f"i{user}", ts=now_ms + EVENTS + user) for user in range(USERS)]
    return [*events, b"\n".join(last)]


@pytest.fixture
def settings(kafka: KafkaBroker, redis_url: str, make_topic: Callable[..., str], tmp_path: Path) -> dict[str, Any]:
    """Of a worker that works in small batches, writes snapshots often, and has to forget users and items."""
    topic = make_topic(partitions=1)
    return {
        **topic_settings(kafka.bootstrap_servers, topic),
        "kafka.instance_id": "w-0",
        "kafka.max_poll_records": 40,
        "redis.url": redis_url,
        "snapshots.directory": tmp_path / "snapshots",
        "snapshots.interval_seconds": 0.3,
        **room_for(items=250, users=150),
    }


def committed(settings: dict[str, Any]) -> int | None:
    servers, group = settings["kafka.bootstrap_servers"], settings["kafka.group_id"]
    with KafkaConsumer(bootstrap_servers=servers, group_id=group, enable_auto_commit=False) as consumer:
        offset: int | None = consumer.committed(TopicPartition(settings["kafka.events_topic"], 0))
        return offset


def published(settings: dict[str, Any], users: list[str]) -> dict[str, list[str]]:
    loaded = load(overrides=settings, environment={})
    lists = RedisLists(loaded.redis, loaded.lists)
    found = {user: lists.read(user) for user in users}
    lists.close()
    return {user: each.items for user, each in found.items() if each}


def wait_for_snapshot(settings: dict[str, Any], beyond: int) -> None:
    wait_until(lambda: newest_offset(settings) > beyond, START_SECONDS, f"a snapshot beyond offset {beyond}")


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "experts",
    [{}, TRAINED],
    ids=["", "while the sequence expert is trained"],
)
def test_killed_and_stopped_in_mid_stream_it_ends_where_an_uninterrupted_run_ends(
    settings: dict[str, Any], tmp_path: Path, experts: dict[str, Any]
) -> None:
    settings |= experts
    servers, topic = settings["kafka.bootstrap_servers"], settings["kafka.events_topic"]
    produce(servers, topic, stream())
    with WorkerProcess(settings, tmp_path) as worker:
        wait_for_snapshot(settings, beyond=0)
        worker.kill()
    killed_at = newest_offset(settings)
    with WorkerProcess(settings, tmp_path) as worker:
        wait_for_snapshot(settings, beyond=killed_at)
        began = time.monotonic()
        assert worker.terminate() == 0
        assert time.monotonic() - began < DEADLINE_SECONDS
    stopped_at = newest_offset(settings)
    assert 0 < killed_at < stopped_at < EVENTS, "both happened in mid-stream"
    assert committed(settings) == stopped_at
    with WorkerThread(settings) as worker_to_the_end:
        wait_for_snapshot(settings, beyond=EVENTS)
        worker_to_the_end.wait_until_learned(EVENTS + USERS - stopped_at)
    assert committed(settings) == newest_offset(settings) == EVENTS + 1

    other = settings | {
        "kafka.group_id": f"{topic}-other",
        "redis.url": settings["redis.url"].removesuffix("0") + "1",
        "snapshots.directory": tmp_path / "other",
        "snapshots.interval_seconds": 3600.0,
        "kafka.max_poll_records": 5000,
    }
    with WorkerThread(other) as uninterrupted:
        uninterrupted.wait_until_learned(EVENTS + USERS)
    expected = Loaded(other).rankings()
    assert len(expected) > 140
    assert Loaded(settings).rankings() == expected
    assert published(settings, list(expected)) == published(other, list(expected)) == expected
