"""Every compacted topic: all records in order, and a clear moment of being caught up."""

from tests.support.port_topics import CatalogueTopic
from tests.support.waiting import wait_until
from worker.ports import CompactedTopic


def read(catalogue: CompactedTopic, pairs: int) -> list[tuple[str, bytes | None]]:
    found: list[tuple[str, bytes | None]] = []

    def all_came() -> bool:
        found.extend(catalogue.poll())
        return len(found) >= pairs

    wait_until(all_came, 20, f"{pairs} pairs come")
    return found


def test_everything_that_stood_there_is_read_before_it_has_caught_up(catalogue_topic: CatalogueTopic) -> None:
    catalogue_topic.put("a", b"1")
    catalogue_topic.put("b", b"2")
    catalogue_topic.put("a", None)
    catalogue = catalogue_topic.open()
    assert not catalogue.caught_up()
    assert read(catalogue, 3) == [("a", b"1"), ("b", b"2"), ("a", None)]
    assert catalogue.caught_up()
    assert list(catalogue.poll()) == []


def test_an_empty_catalogue_has_caught_up(catalogue_topic: CatalogueTopic) -> None:
    catalogue = catalogue_topic.open()
    wait_until(lambda: not catalogue.poll() and catalogue.caught_up(), 20, "an empty catalogue has caught up")


def test_later_records_come_too(catalogue_topic: CatalogueTopic) -> None:
    catalogue = catalogue_topic.open()
    wait_until(lambda: not catalogue.poll() and catalogue.caught_up(), 20, "an empty catalogue has caught up")
    catalogue_topic.put("c", b"3")
    assert read(catalogue, 1) == [("c", b"3")]
