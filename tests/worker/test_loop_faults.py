"""The loop on adapters in memory: what fails, what is lost, what is too much."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from typing_extensions import override

from tests.support.rig import Rig
from tests.support.stream import Flaky, FullDisk, feed, newest_offsets, shop
from worker.adapters.memory import ManualClock, MemoryDeadLetters, MemoryLists
from worker.adapters.memory_source import MemoryEventSource
from worker.errors import ServiceUnavailable
from worker.events import RecommendationList, Reject, Rejection
from worker.ports import Record

# -- faults -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["blobs", "manifests"])
def test_a_snapshot_that_cannot_be_written_does_not_stop_the_worker(what: str) -> None:
    disk = FullDisk()
    rig = Rig(overrides={"snapshots__interval_seconds": 1.0}, snapshots=disk)

    def at_round(number: int) -> None:
        shop(rig.source, 1)
        if number == 5:
            disk.refuse[what] = 2
        if number == 80:
            rig.worker.stop()

    rig.watcher.at_round = at_round
    rig.worker.run()
    assert rig.watcher.failures == ["the disk is full"] * 2
    assert rig.watcher.snapshots >= 2
    assert newest_offsets(rig) == rig.source.committed == {0: rig.watcher.events}


def test_old_snapshots_that_cannot_be_dropped_leave_the_new_one_standing() -> None:
    rig = Rig(snapshots=FullDisk(drops=100))
    shop(rig.source, 10)
    rig.run()
    assert rig.watcher.failures == []
    assert rig.source.committed == newest_offsets(rig) == {0: 10}


def test_offsets_that_cannot_be_committed_leave_the_snapshot_standing() -> None:
    rig = Rig(source=Flaky(commit=100))
    shop(rig.source, 10)
    rig.run()
    assert rig.watcher.snapshots == 1
    rig.source.committed[0] = 0
    assert newest_offsets(rig) == {0: 10}


def test_dead_letters_that_nobody_takes_do_not_keep_snapshots_from_being_written() -> None:
    class Stuck(MemoryDeadLetters):
        @override
        def flush(self, timeout_seconds: float) -> None:
            raise ServiceUnavailable("not acknowledged")

    rig = Rig(dead_letters=Stuck())
    rig.source.append(b"{", b"k")
    rig.run()
    assert rig.watcher.snapshots == 1


def test_what_the_client_cannot_read_is_counted_and_parked() -> None:
    class Damaged(MemoryEventSource):
        told = False

        @override
        def take_rejected(self) -> list[Rejection]:
            found = [] if self.told else [Rejection(Reject.UNREADABLE, "failed crc check", 0, 7, None, None)]
            self.told = True
            return found

    rig = Rig(source=Damaged()).run()
    assert rig.watcher.rejected == {Reject.UNREADABLE: 1}
    assert [each.offset for each in rig.dead_letters.rejections] == [7]


def test_an_item_that_the_catalogue_takes_away_leaves_the_lists() -> None:
    rig = Rig()
    feed(rig.source, "ann:tea", "ben:milk")

    def at_round(number: int) -> None:
        if number < 40:
            feed(rig.source, "zoe:bread")
        if number == 20:
            assert "tea" in rig.lists.lists["ben"].items
            rig.catalogue.put("tea", None)
            rig.catalogue.put("milk", b"no item")

    rig.run(at_round)
    assert "tea" not in rig.lists.lists["ann"].items + rig.lists.lists["ben"].items
    assert rig.watcher.rejected[Reject.INVALID] == 1


def test_an_item_that_was_lost_before_the_partition_came_leaves_the_lists_too() -> None:
    source = Flaky()
    rig = Rig(source=source)
    feed(source, "ann:tea", "ann:milk")
    rig.run()
    source.failures["begin"] = 1
    after = rig.again()
    after.catalogue.put("tea", None)
    after.run(lambda number: after.clock.advance(1.0))
    assert rig.lists.lists["ann"].items == ["milk"]


def test_after_a_restart_users_who_still_waited_get_their_lists() -> None:
    rig = Rig()
    rig.lists.available = False
    feed(rig.source, "ann:tea")
    rig.watcher.at_round = lambda number: rig.worker.stop() if number == 6 else None
    rig.worker.run()
    rig.lists.available = True
    assert set(rig.again().run().lists.lists) == {"ann"}


# -- under load ---------------------------------------------------------------------------------------------------


class Loaded(MemoryEventSource):
    """More records than can be worked off; each poll takes time."""

    def __init__(self, clock: ManualClock, poll_seconds: float) -> None:
        super().__init__()
        self._clock = clock
        self._poll_seconds = poll_seconds

    @override
    def poll(self, timeout_seconds: float, max_records: int) -> Mapping[int, Sequence[Record]]:
        self._clock.advance(self._poll_seconds)
        return super().poll(timeout_seconds, max_records)


class SlowLists(MemoryLists):
    """Each write takes time."""

    def __init__(self, clock: ManualClock, call_seconds: float) -> None:
        super().__init__()
        self.seconds = 0.0
        self._clock = clock
        self._call_seconds = call_seconds

    @override
    def publish(self, lists: Mapping[str, RecommendationList]) -> int:
        self._clock.advance(self._call_seconds)
        self.seconds += self._call_seconds
        return super().publish(lists)


@pytest.mark.parametrize("budget", [0.2, 0.5, 0.8])
def test_while_it_is_behind_refreshing_takes_at_most_its_share_and_learning_goes_on(budget: float) -> None:
    clock = ManualClock()
    lists = SlowLists(clock, call_seconds=0.03)
    overrides: dict[str, Any] = {
        "kafka__max_poll_records": 10,
        "refresh__budget": budget,
        "refresh__chunk_users": 1,
        "refresh__coalesce_seconds": 0.0,
    }
    rig = Rig(overrides=overrides, source=Loaded(clock, 0.05), lists=lists, clock=clock)
    shop(rig.source, 2000)
    share: list[float] = []

    def at_round(number: int) -> None:
        if number == 150:
            share.append(lists.seconds / clock.seconds)
            assert rig.watcher.events >= 10 * 140, "learning is never shed"
        if number == 151:
            rig.worker.stop()

    rig.watcher.at_round = at_round
    rig.watcher._round_seconds = 0.0
    rig.worker.run()
    assert share[0] == pytest.approx(budget, abs=0.05)


def test_while_the_broker_is_away_lists_are_refreshed_although_the_lag_is_long() -> None:
    clock = ManualClock()
    overrides = {"kafka__max_poll_records": 10, "refresh__budget": 0.01, "refresh__chunk_users": 1}
    rig = Rig(overrides=overrides, lists=SlowLists(clock, call_seconds=0.03), clock=clock)
    shop(rig.source, 500)

    def at_round(number: int) -> None:
        if number == 5:
            rig.source.available = False
        if number == 30:
            assert rig.source.lag_records() == {0: 500 - 10 * 4}
            assert rig.watcher.waiting_users == 0
            rig.worker.stop()

    rig.watcher.at_round = at_round
    rig.worker.run()
    assert len(rig.lists.lists) == 7
