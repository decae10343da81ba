"""Every event source: silent until begun, in order, exact about positions."""

from collections.abc import Mapping, Sequence

import pytest

from tests.support.event_topics import begin_all, read
from tests.support.port_topics import EventTopic
from tests.support.waiting import wait_until
from worker.errors import PositionError
from worker.ports import EventSource, Record


def ignore(_: object) -> None:
    """Nothing is revoked in these tests."""


def assigned(source: EventSource) -> list[int]:
    """Polls until both partitions were assigned; returns the first and the second."""
    found: list[int] = []

    def both() -> bool:
        assert not source.poll(0.05, 100)
        found.extend(source.take_assigned())
        return len(found) == 2

    wait_until(both, 20, "both partitions are assigned")
    return sorted(found)


def values(records: Mapping[int, Sequence[Record]], partition: int) -> list[bytes | None]:
    return [record.value for record in records[partition]]


def test_an_assigned_partition_is_silent_until_it_begins(event_topic: EventTopic) -> None:
    event_topic.append(0, [b"a"])
    event_topic.append(1, [b"b"])
    source = event_topic.source
    source.open(ignore)
    assert assigned(source) == [0, 1]
    assert source.take_assigned() == []
    assert source.begin(1, None) == 0
    assert values(read(source, 1), 1) == [b"b"]
    assert not source.poll(0.2, 100)


def test_a_member_has_joined_once_it_knows_its_share(event_topic: EventTopic) -> None:
    source = event_topic.source
    source.open(ignore)
    assert not source.joined()
    assigned(source)
    assert source.joined()


def test_records_come_in_order_with_their_fields(event_topic: EventTopic) -> None:
    event_topic.append(0, [b"a", None, b"not json \xff"])
    source = event_topic.source
    source.open(ignore)
    begin_all(source, 2)
    records = read(source, 3)[0]
    assert [(each.offset, each.key, each.value) for each in records] == [
        (0, b"k", b"a"),
        (1, b"k", None),
        (2, b"k", b"not json \xff"),
    ]
    assert all(each.timestamp >= 0 for each in records)
    assert source.take_rejected() == []


def test_a_partition_begins_exactly_where_it_is_told(event_topic: EventTopic) -> None:
    event_topic.append(0, [b"0", b"1", b"2"])
    source = event_topic.source
    source.open(ignore)
    assigned(source)
    assert source.begin(0, 2) == 2
    assert values(read(source, 1), 0) == [b"2"]
    assert source.begin(0, 1) == 1
    assert values(read(source, 2), 0) == [b"1", b"2"]


def test_the_end_of_the_log_is_a_place_to_begin(event_topic: EventTopic) -> None:
    event_topic.append(0, [b"0"])
    source = event_topic.source
    source.open(ignore)
    assigned(source)
    assert source.begin(0, 1) == 1
    event_topic.append(0, [b"1"])
    assert values(read(source, 1), 0) == [b"1"]


def test_a_position_beyond_the_end_is_refused(event_topic: EventTopic) -> None:
    event_topic.append(0, [b"0"])
    source = event_topic.source
    source.open(ignore)
    assigned(source)
    with pytest.raises(PositionError, match="0 to 1"):
        source.begin(0, 2)


def test_a_partition_that_is_not_ours_cannot_begin(event_topic: EventTopic) -> None:
    source = event_topic.source
    source.open(ignore)
    assigned(source)
    with pytest.raises(ValueError, match="not assigned"):
        source.begin(7, None)


def test_a_poll_returns_no_more_records_than_asked_for(event_topic: EventTopic) -> None:
    event_topic.append(0, [b"x"] * 25)
    event_topic.append(1, [b"y"] * 25)
    source = event_topic.source
    source.open(ignore)
    begin_all(source, 2)
    seen = 0
    while seen < 50:
        polled = sum(map(len, source.poll(0.1, 10).values()))
        assert polled <= 10
        seen += polled
    assert seen == 50


def test_lag_is_what_was_not_polled_yet(event_topic: EventTopic) -> None:
    event_topic.append(0, [b"x"] * 20)
    source = event_topic.source
    source.open(ignore)
    assert source.lag_records() == {}
    begin_all(source, 2)
    assert source.lag_records() == {0: 20, 1: 0}
    wait_until(lambda: source.poll(0.05, 5), 20, "the first records come")
    assert source.lag_records() == {0: 15, 1: 0}
    read(source, 15)
    assert source.lag_records() == {0: 0, 1: 0}


def test_it_knows_how_many_partitions_the_topic_has(event_topic: EventTopic) -> None:
    source = event_topic.source
    source.open(ignore)
    assigned(source)
    assert source.partitions() == 2


def test_committing_and_closing_are_harmless(event_topic: EventTopic) -> None:
    event_topic.append(0, [b"x"])
    source = event_topic.source
    source.open(ignore)
    begin_all(source, 2)
    read(source, 1)
    source.commit({0: 1, 1: 0})
    source.commit({})
    source.close()


def test_the_topic_has_an_id_that_stays(event_topic: EventTopic) -> None:
    source = event_topic.source
    source.open(ignore)
    assigned(source)
    identity = source.topic_id()
    assert identity
    source.begin(0, None)
    source.poll(0.1, 100)
    assert source.topic_id() == identity
