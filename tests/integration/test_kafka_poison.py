"""Records that the client cannot even read: stepped over one by one, and told."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from kafka import codec

from tests.support.event_topics import begin_all, produce, quick_settings, read
from tests.support.waiting import wait_until
from worker.adapters.kafka_source import KafkaEventSource
from worker.adapters.kafka_table import KafkaTable
from worker.embedded.kafka_broker import KafkaBroker
from worker.events import Reject


@pytest.fixture
def topic(make_topic: Callable[..., str]) -> str:
    """A topic of two partitions."""
    return make_topic(partitions=2)


@pytest.fixture
def source(kafka: KafkaBroker, topic: str) -> Iterator[KafkaEventSource]:
    """A source on the topic, not yet opened."""
    with closing(KafkaEventSource(quick_settings(kafka.bootstrap_servers, topic))) as source:
        yield source


def damage(broker: KafkaBroker, topic: str, text: bytes) -> None:
    """Alters `text` in the log of partition 0, as a failing disk does."""
    log = broker.folder / "data" / f"{topic}-0" / "00000000000000000000.log"
    content = log.read_bytes()
    assert content.count(text) == 1
    with log.open("r+b") as file:
        file.seek(content.index(text))
        file.write(text.swapcase())


def test_a_damaged_record_is_skipped_and_told(kafka: KafkaBroker, topic: str, source: KafkaEventSource) -> None:
    for value in (b"good-0", b"bad-bytes", b"good-2"):
        produce(kafka.bootstrap_servers, topic, [value])
    produce(kafka.bootstrap_servers, topic, [b"other-0", b"other-1"], partition=1)
    damage(kafka, topic, b"bad-bytes")
    source.open(lambda _: None)
    begin_all(source, 2)
    records = read(source, 4)
    assert [(each.offset, each.value) for each in records[0]] == [(0, b"good-0"), (2, b"good-2")]
    assert [each.value for each in records[1]] == [b"other-0", b"other-1"]
    (rejection,) = source.take_rejected()
    assert (rejection.reason, rejection.partition, rejection.offset) == (Reject.UNREADABLE, 0, 1)
    assert "crc" in rejection.detail
    assert source.take_rejected() == []


def test_a_compression_that_we_cannot_undo_is_skipped_and_told(
    kafka: KafkaBroker, topic: str, source: KafkaEventSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not codec.has_zstd():
        pytest.skip("only where zstandard is installed can the test write such records")
    produce(kafka.bootstrap_servers, topic, [b"x" * 100] * 3, compression_type="zstd", linger_ms=200)
    produce(kafka.bootstrap_servers, topic, [b"plain"])
    monkeypatch.setattr(codec, "has_zstd", lambda: False)
    source.open(lambda _: None)
    begin_all(source, 2)
    assert [(each.offset, each.value) for each in read(source, 1)[0]] == [(3, b"plain")]
    assert [(each.reason, each.offset) for each in source.take_rejected()] == [
        (Reject.UNREADABLE, offset) for offset in range(3)
    ]


def test_a_damaged_record_of_the_catalogue_is_skipped(kafka: KafkaBroker, topic: str) -> None:
    for key in (b"a", b"b", b"c"):
        produce(kafka.bootstrap_servers, topic, [b"value-of-" + key], key=key)
    damage(kafka, topic, b"value-of-b")
    found: list[str] = []
    settings = quick_settings(kafka.bootstrap_servers, topic, items_topic=topic)
    with closing(KafkaTable(settings, topic)) as catalogue:

        def caught_up() -> bool:
            found.extend(item for item, _ in catalogue.poll())
            return catalogue.caught_up()

        wait_until(caught_up, 20, "the catalogue is read")
    assert found == ["a", "c"]
