"""Snapshots in an object store carry a worker's state over to another one."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.event_topics import produce, topic_settings
from tests.support.live_worker import START_SECONDS, WorkerProcess, WorkerThread
from tests.support.records import line
from tests.support.rig import room_for
from tests.support.snapshots import Loaded, newest_offset
from tests.support.waiting import wait_until
from worker.embedded.kafka_broker import KafkaBroker

EVENTS = 12_000
USERS, ITEMS = 150, 200


def stream() -> list[bytes | None]:
    now_ms = int(time.time() * 1000)
    return [line(f"u{n * 7 % USERS}", f"i{n * 11 % ITEMS}", ts=now_ms + n) for n in range(EVENTS)]


@pytest.fixture
def settings(
    kafka: KafkaBroker, redis_url: str, make_topic: Callable[..., str], bucket: str, s3: str, tmp_path: Path
) -> dict[str, Any]:
    """Of a worker that works in small batches and writes snapshots often, none of them into its folder."""
    topic = make_topic(partitions=1)
    return {
        **topic_settings(kafka.bootstrap_servers, topic),
        "kafka.instance_id": "w-0",
        "kafka.max_poll_records": 40,
        "kafka.session_timeout_seconds": 10.0,
        "redis.url": redis_url,
        "snapshots.directory": tmp_path / "unused",
        "snapshots.url": f"s3://{bucket}/shop",
        "snapshots.endpoint": s3,
        "snapshots.interval_seconds": 0.3,
        **room_for(items=ITEMS, users=USERS),
    }


@pytest.mark.timeout(400)
def test_a_killed_workers_partition_goes_on_elsewhere_from_the_object_store(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    topic = settings["kafka.events_topic"]
    produce(settings["kafka.bootstrap_servers"], topic, stream())
    with WorkerProcess(settings, tmp_path) as worker:
        wait_until(lambda: newest_offset(settings) > 0, START_SECONDS, "a snapshot of some events")
        worker.kill()
    heir = settings | {"kafka.instance_id": "w-1"}
    with WorkerThread(heir) as worker_to_the_end:
        wait_until(lambda: newest_offset(settings) == EVENTS, START_SECONDS, "a snapshot of all events")
        left_at = newest_offset(settings, instance="w-0")  # not before: its last request may have been on its way
        assert 0 < left_at < EVENTS, "it was killed in mid-stream"
        assert worker_to_the_end.metric("events_learned_total") == EVENTS - left_at, "what stood is not learned again"

    other = settings | {
        "kafka.group_id": f"{topic}-other",
        "snapshots.url": "",
        "snapshots.directory": tmp_path / "folder",
        "snapshots.interval_seconds": 3600.0,
        "kafka.max_poll_records": 5000,
    }
    with WorkerThread(other) as uninterrupted:
        uninterrupted.wait_until_learned(EVENTS)
    expected = Loaded(other).rankings()
    assert len(expected) == USERS
    assert Loaded(heir, "w-1").rankings() == expected
    assert not (tmp_path / "unused").exists()
