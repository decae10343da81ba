"""Feeding Kafka in tests, and settings that make a group quick."""

import time
from collections.abc import Iterable, Sequence
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord

from tests.support.waiting import wait_until
from worker.ports import EventSource, Record
from worker.settings import KafkaSettings, topics_called


def topic_settings(bootstrap_servers: str, topic: str) -> dict[str, Any]:
    """By name, of whoever works on this topic, with topics and a group of its own beside it."""
    names = {"bootstrap_servers": bootstrap_servers} | _own(topic)
    return {f"kafka.{name}": value for name, value in names.items()}


def _own(topic: str) -> dict[str, str]:
    return topics_called(topic) | {"group_id": f"{topic}-group"}


def quick_settings(bootstrap_servers: str, topic: str, **others: Any) -> KafkaSettings:
    """Settings of a group of its own, which notices changes within a fraction of a second."""
    defaults: dict[str, Any] = {
        **_own(topic),
        "session_timeout_seconds": 6.0,
        "heartbeat_interval_seconds": 0.2,
        "connect_timeout_seconds": 5.0,
    }
    return KafkaSettings(bootstrap_servers=bootstrap_servers, **(defaults | others))


def produce(
    bootstrap_servers: str,
    topic: str,
    values: Iterable[bytes | None],
    *,
    key: bytes | None = b"k",
    partition: int | None = 0,
    headers: Sequence[tuple[str, bytes]] = (),
    **options: Any,
) -> None:
    """Writes values and returns when the broker has them."""
    producer = KafkaProducer(bootstrap_servers=bootstrap_servers, acks="all", **options)
    try:
        for value in values:
            producer.send(topic, value=value, key=key, partition=partition, headers=list(headers))
        producer.flush(timeout=20)
    finally:
        producer.close(timeout=5)


def begin_all(source: EventSource, partitions: int, seconds: float = 20.0) -> None:
    """Polls until so many partitions were assigned, each begun at the start of its log."""
    begun: set[int] = set()
    deadline = time.monotonic() + seconds
    while len(begun) < partitions:
        assert time.monotonic() < deadline, f"only {sorted(begun)} of {partitions} partitions were assigned"
        assert not source.poll(0.05, 100)
        for partition in source.take_assigned():
            source.begin(partition, None)
            begun.add(partition)


def read(source: EventSource, records: int, seconds: float = 20.0) -> dict[int, Sequence[Record]]:
    """Polls until at least so many records have come; returns them by partition."""
    found: dict[int, list[Record]] = {}
    deadline = time.monotonic() + seconds
    while sum(map(len, found.values())) < records:
        assert time.monotonic() < deadline, f"only {found} came"
        for partition, new in source.poll(0.05, 100).items():
            found.setdefault(partition, []).extend(new)
    return dict(found)


def everything(bootstrap_servers: str, topic: str) -> list[ConsumerRecord]:
    """All records of a topic, each partition's in order."""
    with KafkaConsumer(bootstrap_servers=bootstrap_servers, group_id=None, enable_auto_commit=False) as c:
        partitions = [TopicPartition(topic, number) for number in sorted(c.partitions_for_topic(topic))]
        c.assign(partitions)
        c.seek_to_beginning(*partitions)
        ends = c.end_offsets(partitions)
        records: list[ConsumerRecord] = []

        def all_read() -> bool:
            for some in c.poll(timeout_ms=200).values():
                records.extend(some)
            return all(c.position(partition) >= ends[partition] for partition in partitions)

        wait_until(all_read, 30, f"{topic} read to its end")
    return sorted(records, key=lambda record: (record.partition, record.offset))
