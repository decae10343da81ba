import pytest

from tests.support.event_topics import begin_all
from worker.adapters.clock import SystemClock
from worker.adapters.memory import ManualClock, MemoryLists
from worker.adapters.memory_source import MemoryEventSource
from worker.errors import OwnershipLost, PositionError, ServiceUnavailable


def test_a_revoked_partition_is_told_before_it_falls_silent_and_can_come_back() -> None:
    source = MemoryEventSource(partitions=2)
    told: list[int] = []
    source.open(told.extend)
    begin_all(source, 2)
    source.append(b"a", partition=1)
    source.revoke(1)
    assert source.poll(0, 10) == {}
    assert told == [1]
    assert source.lag_records() == {0: 0}
    source.assign(1)
    assert source.poll(0, 10) == {}
    assert source.take_assigned() == [1]
    source.begin(1, None)
    assert [record.value for record in source.poll(0, 10)[1]] == [b"a"]


def test_a_partition_that_goes_before_it_was_taken_is_not_told() -> None:
    source = MemoryEventSource()
    told: list[int] = []
    source.open(told.extend)
    source.poll(0, 1)
    source.revoke(0)
    source.poll(0, 1)
    assert told == []
    assert source.take_assigned() == []


def test_a_member_that_was_thrown_out_has_lost_its_partitions() -> None:
    source = MemoryEventSource()
    source.open(lambda _: None)
    source.lose()
    with pytest.raises(OwnershipLost):
        source.poll(0, 1)


def test_what_retention_took_cannot_be_read() -> None:
    source = MemoryEventSource()
    source.open(lambda _: None)
    for _ in range(5):
        source.append(b"x")
    begin_all(source, 1)
    source.truncate(0, 3)
    with pytest.raises(PositionError):
        source.poll(0, 10)
    with pytest.raises(PositionError):
        source.begin(0, 2)
    assert source.begin(0, None) == 3
    assert [record.offset for record in source.poll(0, 10)[0]] == [3, 4]


def test_nothing_comes_while_the_broker_is_away() -> None:
    source = MemoryEventSource()
    source.open(lambda _: None)
    begin_all(source, 1)
    source.append(b"x")
    source.available = False
    assert source.poll(0, 10) == {}
    source.available = True
    assert len(source.poll(0, 10)[0]) == 1


def test_lists_that_were_made_unavailable_raise_everywhere() -> None:
    lists = MemoryLists()
    lists.available = False
    with pytest.raises(ServiceUnavailable):
        lists.publish({})
    with pytest.raises(ServiceUnavailable):
        lists.read("ann")


def test_a_manual_clock_moves_only_when_it_is_told() -> None:
    clock = ManualClock(start_ms=1000)
    assert (clock.now_ms(), clock.monotonic()) == (1000, 0.0)
    clock.advance(1.5)
    assert (clock.now_ms(), clock.monotonic()) == (2500, 1.5)


def test_the_system_clock_runs() -> None:
    clock = SystemClock()
    first = clock.monotonic()
    assert clock.now_ms() > 1_700_000_000_000
    assert clock.monotonic() >= first
