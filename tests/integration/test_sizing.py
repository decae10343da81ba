"""`millrace estimate` beside real workers of three sizes: memory, and Redis."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import redis

from producers.sample import sample_events_path
from tests.support.event_topics import produce, topic_settings
from tests.support.live_worker import WorkerProcess
from tests.support.records import line
from tests.support.services import running
from tests.support.waiting import wait_until
from worker.bench.stream import read_stream
from worker.embedded.kafka_broker import KafkaBroker
from worker.embedded.valkey_server import ValkeyServer
from worker.settings import load
from worker.sizing import Load, estimate

PARTITIONS = 2
MOST_EVENTS_A_USER = 3
LEARNING_SECONDS = 120.0
PER_RECORD = 100


@pytest.fixture
def empty_valkey() -> Iterator[ValkeyServer]:
    """One of its own: what others left behind would count."""
    yield from running(ValkeyServer())


def shops(copies: int) -> list[list[tuple[str, str]]]:
    """By partition, (user, item) of the shipped sample's first events of each user, in so many shops beside it."""
    events = read_stream(sample_events_path(), 100_000).events
    _, numbers = np.unique(np.array(events.user_ids), return_inverse=True)
    order = np.argsort(numbers, kind="stable")
    starts = np.searchsorted(numbers[order], numbers[order])
    kept = np.sort(order[np.arange(len(order)) - starts < MOST_EVENTS_A_USER])
    return [
        [
            (f"{events.user_ids[place]}-{copy}", f"{events.item_ids[place]}-{copy}")
            for copy in range(partition, copies, PARTITIONS)
            for place in kept
        ]
        for partition in range(PARTITIONS)
    ]


@pytest.mark.parametrize("copies", [2, 6, 12])
def test_memory_and_redis_are_estimated_within_a_fifth(
    kafka: KafkaBroker, empty_valkey: ValkeyServer, make_topic: Callable[..., str], tmp_path: Path, copies: int
) -> None:
    pairs = shops(copies)
    users = {user for part in pairs for user, _ in part}
    items = {item for part in pairs for _, item in part}
    characters = round(np.mean([len(each) for each in (*users, *items)]))
    size = Load(len(users), len(items), 100.0, id_characters=characters)
    expected = estimate(size, load(overrides={"kafka.partitions": PARTITIONS}, environment={}))
    topic = make_topic(partitions=PARTITIONS)
    for number, part in enumerate(pairs):
        lines = [line(user, item) for user, item in part]
        records = [b"\n".join(lines[at : at + PER_RECORD]) for at in range(0, len(lines), PER_RECORD)]
        produce(kafka.bootstrap_servers, topic, records, partition=number)
    settings = {
        **topic_settings(kafka.bootstrap_servers, topic),
        "kafka.partitions": PARTITIONS,
        "redis.url": empty_valkey.url,
        "memory.users_bytes": expected.users_bytes,
        "memory.items_bytes": expected.items_bytes,
        "snapshots.directory": tmp_path / "snapshots",
        "snapshots.interval_seconds": 5.0,
        "lists.similar_interval_seconds": 0.1,
        "learning.ranker_share": 0.01,
        "learning.ranker_warmup_events": 100,
    }
    with WorkerProcess(settings, tmp_path) as worker, redis.Redis.from_url(empty_valkey.url) as client:
        before = client.info("memory")["used_memory"]
        wait_until(
            lambda: client.dbsize() >= len(users) + len(items), LEARNING_SECONDS, "all users and items have their keys"
        )
        wait_until(lambda: worker.metric("snapshot_bytes") > 0.7 * expected.worker_snapshot_bytes, 30, "all is saved")
        memory_bytes = psutil.Process(worker.pid).memory_info().rss
        redis_bytes = client.info("memory")["used_memory"] - before
    assert memory_bytes == pytest.approx(expected.worker_memory_bytes, rel=0.2)
    assert memory_bytes < expected.worker_memory_limit_bytes
    assert redis_bytes == pytest.approx(expected.redis_bytes, rel=0.2)
