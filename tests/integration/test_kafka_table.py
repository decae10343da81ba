"""What only a real broker can show of a compacted topic: absent ones, odd keys, many records."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from tests.support.event_topics import produce, quick_settings
from tests.support.waiting import wait_until
from worker.adapters import kafka_table
from worker.adapters.kafka_table import KafkaTable
from worker.embedded.kafka_broker import KafkaBroker
from worker.embedded.ports import free_ports
from worker.errors import ServiceUnavailable
from worker.settings import KafkaSettings


@pytest.fixture
def settings(kafka: KafkaBroker, topic_name: str) -> KafkaSettings:
    """Settings whose items topic is `topic_name`."""
    return quick_settings(kafka.bootstrap_servers, "events", items_topic=topic_name)


@pytest.fixture
def catalogue(settings: KafkaSettings) -> Iterator[KafkaTable]:
    """A catalogue that has not been used."""
    with closing(KafkaTable(settings, settings.items_topic)) as catalogue:
        yield catalogue


def test_an_absent_topic_is_an_empty_catalogue_that_has_caught_up(catalogue: KafkaTable) -> None:
    assert list(catalogue.poll()) == []
    assert catalogue.caught_up()


def test_a_topic_that_appears_later_is_found(
    kafka: KafkaBroker,
    catalogue: KafkaTable,
    make_topic: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kafka_table, "METADATA_MS", 300)
    assert list(catalogue.poll()) == []
    produce(kafka.bootstrap_servers, make_topic(), [b"1"], key=b"a")
    assert wait_until(catalogue.poll, 20, "the new topic is read") == [("a", b"1")]


def test_all_partitions_are_read_whole_in_bounded_polls(
    kafka: KafkaBroker, catalogue: KafkaTable, make_topic: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_table, "MAX_POLL_RECORDS", 40)
    topic = make_topic(partitions=2)
    for partition in (0, 1):
        produce(kafka.bootstrap_servers, topic, [b"x"] * 100, key=b"a%d" % partition, partition=partition)
    found: list[str] = []

    def caught_up() -> bool:
        new = catalogue.poll()
        assert len(new) <= 40
        found.extend(item for item, _ in new)
        return catalogue.caught_up()

    wait_until(caught_up, 20, "the catalogue is read")
    assert sorted(found) == ["a0"] * 100 + ["a1"] * 100


def test_a_record_that_names_no_item_is_left_out(
    kafka: KafkaBroker, catalogue: KafkaTable, make_topic: Callable[..., str]
) -> None:
    topic = make_topic()
    for key in (None, b"", b"\xff", b"\xc3\xbc"):
        produce(kafka.bootstrap_servers, topic, [b"1"], key=key)
    assert wait_until(catalogue.poll, 20, "the catalogue is read") == [("\u00fc", b"1")]


def test_an_absent_broker_is_a_service_error() -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    with pytest.raises(ServiceUnavailable, match=address):
        KafkaTable(quick_settings(address, "events", connect_timeout_seconds=0.3), "items").poll()
