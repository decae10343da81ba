"""Each port's implementations, so that one suite runs over all of them."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaConsumer, TopicPartition
from pydantic import SecretStr

from tests.support.event_topics import produce, quick_settings
from tests.support.port_topics import CatalogueTopic, DeadLetterTopic, EventTopic
from worker.adapters.file_snapshots import FileSnapshots
from worker.adapters.kafka_sink import KafkaDeadLetters
from worker.adapters.kafka_source import KafkaEventSource
from worker.adapters.kafka_table import KafkaTable
from worker.adapters.memory import MemoryDeadLetters, MemoryLists, MemorySnapshots, MemoryTable
from worker.adapters.memory_source import MemoryEventSource
from worker.adapters.redis_lists import RedisLists
from worker.ports import ListSink, SnapshotStore
from worker.settings import ListSettings, RedisSettings, SnapshotSettings
from worker.snapshot_stores import open_snapshots

IN_MEMORY = pytest.param("memory", id="memory")
ON_KAFKA = pytest.param("kafka", id="kafka", marks=pytest.mark.kafka)
ON_REDIS = pytest.param("redis", id="redis", marks=pytest.mark.redis)


@pytest.fixture(params=[IN_MEMORY, ON_REDIS])
def list_sink(request: pytest.FixtureRequest) -> Iterator[ListSink]:
    """An empty list sink."""
    sink: ListSink = MemoryLists()
    if request.param == "redis":
        url = SecretStr(request.getfixturevalue("redis_url"))
        sink = RedisLists(RedisSettings(url=url), ListSettings())
    with closing(sink):
        yield sink


@pytest.fixture(params=["memory", "files", "objects"])
def snapshot_store(request: pytest.FixtureRequest, tmp_path: Path) -> SnapshotStore:
    """An empty snapshot store."""
    if request.param == "memory":
        return MemorySnapshots()
    if request.param == "files":
        return FileSnapshots(tmp_path / "snapshots")
    url, endpoint = f"s3://{request.getfixturevalue('bucket')}/millrace", request.getfixturevalue("s3")
    return open_snapshots(SnapshotSettings(url=url, endpoint=endpoint))


@pytest.fixture(params=[IN_MEMORY, ON_KAFKA])
def event_topic(request: pytest.FixtureRequest) -> Iterator[EventTopic]:
    """A topic of two partitions and a source on it that was not opened yet."""
    if request.param == "memory":
        memory = MemoryEventSource(partitions=2)

        def append(partition: int, values: list[bytes | None]) -> None:
            for value in values:
                memory.append(value, b"k", partition)

        yield EventTopic(memory, append)
        return
    servers = request.getfixturevalue("kafka").bootstrap_servers
    topic = request.getfixturevalue("make_topic")(partitions=2)
    with closing(KafkaEventSource(quick_settings(servers, topic))) as source:
        yield EventTopic(source, lambda partition, values: produce(servers, topic, values, partition=partition))


@pytest.fixture(params=[IN_MEMORY, ON_KAFKA])
def catalogue_topic(request: pytest.FixtureRequest) -> Iterator[CatalogueTopic]:
    """An empty catalogue."""
    if request.param == "memory":
        memory = MemoryTable()
        yield CatalogueTopic(memory.put, lambda: memory)
        return
    servers = request.getfixturevalue("kafka").bootstrap_servers
    topic = request.getfixturevalue("make_topic")(partitions=1)
    settings = quick_settings(servers, topic, items_topic=topic)
    with closing(KafkaTable(settings, topic)) as catalogue:
        yield CatalogueTopic(lambda item, value: produce(servers, topic, [value], key=item.encode()), lambda: catalogue)


@pytest.fixture(params=[IN_MEMORY, ON_KAFKA])
def dead_letter_topic(request: pytest.FixtureRequest) -> Iterator[DeadLetterTopic]:
    """An empty place for dead letters."""
    if request.param == "memory":
        memory = MemoryDeadLetters()
        yield DeadLetterTopic(memory, lambda: [(each.reason.value, each.value) for each in memory.rejections])
        return
    servers = request.getfixturevalue("kafka").bootstrap_servers
    topic = request.getfixturevalue("make_topic")(partitions=1)
    settings = quick_settings(servers, "events", dead_letter_topic=topic)
    with closing(KafkaDeadLetters(settings)) as letters:
        yield DeadLetterTopic(letters, lambda: _dead_letters(servers, topic))


def _dead_letters(servers: str, topic: str) -> list[tuple[str, bytes | None]]:
    place = TopicPartition(topic, 0)
    with KafkaConsumer(bootstrap_servers=servers, auto_offset_reset="earliest") as consumer:
        consumer.assign([place])
        end = consumer.end_offsets([place])[place]
        found: list[tuple[str, bytes | None]] = []
        while len(found) < end:
            records = consumer.poll(timeout_ms=200).get(place, ())
            found += [(dict(record.headers)["reason"].decode(), record.value) for record in records]
    return found
