"""The loop on adapters in memory: start, partitions that come and go, faults, drain, stop."""

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

import pytest
from typing_extensions import override

from tests.support.records import NOW_MS, line
from tests.support.rig import Rig, rankings
from worker.adapters.memory import ManualClock, MemoryDeadLetters, MemoryLists, MemorySnapshots
from worker.adapters.memory_source import MemoryEventSource
from worker.errors import OwnershipLost, PositionError, ServiceUnavailable, SnapshotError
from worker.events import RecommendationList, Reject, Rejection
from worker.ports import ManifestName, Record

TIMES_MS = count(NOW_MS)


def feed(source: MemoryEventSource, *pairs: str, partition: int = 0) -> None:
    """`ann:tea` = ann views tea; no two at the same time, so that none is a duplicate."""
    for pair in pairs:
        user, item = pair.split(":")
        source.append(line(user, item), b"k", partition, next(TIMES_MS))


def shop(source: MemoryEventSource, events: int, partition: int = 0) -> None:
    feed(source, *[f"u{number % 7}-{partition}:i{number % 5}" for number in range(events)], partition=partition)


class Flaky(MemoryEventSource):
    """Fails as often as told: when it is opened, polled, begun, committed."""

    def __init__(self, partitions: int = 1, **failures: int) -> None:
        super().__init__(partitions)
        self.failures = failures
        self.closed = 0

    def fail(self, what: str) -> None:
        if self.failures.get(what, 0) > 0:
            self.failures[what] -= 1
            raise ServiceUnavailable(f"no {what} now")

    @override
    def open(self, on_revoked: Callable[[Sequence[int]], None]) -> None:
        self.fail("open")
        super().open(on_revoked)

    @override
    def poll(self, timeout_seconds: float, max_records: int) -> Mapping[int, Sequence[Record]]:
        self.fail("poll")
        return super().poll(timeout_seconds, max_records)

    @override
    def begin(self, partition: int, offset: int | None) -> int:
        self.fail("begin")
        return super().begin(partition, offset)

    @override
    def commit(self, next_offsets: Mapping[int, int]) -> None:
        self.fail("commit")
        super().commit(next_offsets)

    @override
    def close(self) -> None:
        self.closed += 1
        super().close()


class FullDisk(MemorySnapshots):
    """Refuses so many manifests, or blobs, or all to be dropped, from now on."""

    def __init__(self, manifests: int = 0, blobs: int = 0, drops: int = 0) -> None:
        super().__init__()
        self.refuse = {"manifests": manifests, "blobs": blobs, "drops": drops}

    def fail(self, what: str) -> None:
        if self.refuse[what] > 0:
            self.refuse[what] -= 1
            raise SnapshotError("the disk is full")

    @override
    def write_blob(self, content: bytes) -> str:
        self.fail("blobs")
        return super().write_blob(content)

    @override
    def create_manifest(self, name: ManifestName, content: bytes) -> None:
        self.fail("manifests")
        super().create_manifest(name, content)

    @override
    def drop(self, manifests: Sequence[ManifestName], blobs: Sequence[str]) -> None:
        self.fail("drops")
        super().drop(manifests, blobs)


def newest_offsets(rig: Rig) -> dict[int, int]:
    """By partition, where a restart would go on."""
    after = rig.again()
    after.worker._parts.checkpointer.restore_knowledge()
    return {number: after.worker._parts.checkpointer.take(number)[0].next_offset for number in rig.source.committed}


# -- start and stop -----------------------------------------------------------------------------------------------


def test_what_was_fed_is_learned_published_saved_and_committed() -> None:
    rig = Rig()
    shop(rig.source, 30)
    rig.run()
    assert rig.watcher.events == 30
    assert {user: found.items for user, found in rig.lists.lists.items()} == rankings(rig.recommender)
    assert rig.source.committed == {0: 30}
    assert newest_offsets(rig) == {0: 30}


def test_the_popular_list_is_renewed_by_the_clock() -> None:
    rig = Rig(overrides={"lists__popular_interval_seconds": 0.1})
    feed(rig.source, "ann:tea")

    def at_round(number: int) -> None:
        if number == 10:
            assert rig.lists.popular is not None
            assert rig.lists.popular.items == ["tea"]
            feed(rig.source, "ann:milk")

    rig.run(at_round)
    assert rig.lists.popular is not None
    assert set(rig.lists.popular.items) == {"tea", "milk"}


def test_stopping_publishes_what_waits_and_leaves_a_snapshot() -> None:
    rig = Rig(overrides={"refresh__coalesce_seconds": 3600.0})
    feed(rig.source, "ann:tea")

    def at_round(number: int) -> None:
        if number == 4:
            feed(rig.source, "ann:milk")
        if number == 6:
            assert rig.watcher.waiting_users == 1
            rig.worker.stop()

    rig.watcher.at_round = at_round
    rig.worker.run()
    assert set(rig.lists.lists["ann"].items) == {"tea", "milk"}
    assert rig.watcher.snapshots == 1


def test_a_snapshot_is_written_every_interval() -> None:
    rig = Rig(overrides={"snapshots__interval_seconds": 1.0})
    rig.watcher.at_round = lambda number: rig.worker.stop() if number == 51 else None
    rig.worker.run()
    assert rig.watcher.snapshots in (3, 4)  # 2.5 s, and the last one


def test_told_to_stop_while_waiting_for_kafka_it_ends_without_having_joined() -> None:
    rig = Rig(source=Flaky(open=1_000_000))
    waited: list[str | None] = []

    class Waiting:
        def __call__(self, seconds: float) -> bool:
            waited.append(rig.worker.why_not_ready())
            rig.worker.stop()
            return True

    rig.worker._stopping.wait = Waiting()  # type: ignore[method-assign, assignment]  # no real pause
    rig.worker.run()
    assert waited == ["waiting for Kafka: no open now"]
    assert rig.snapshots.manifests() == []
    assert isinstance(rig.source, Flaky)
    assert rig.source.closed == 1


def without_pauses(rig: Rig) -> list[float]:
    """Pauses move the clock instead of taking time; returns them."""
    pauses: list[float] = []

    def wait(seconds: float) -> bool:
        pauses.append(seconds)
        rig.clock.advance(seconds)
        return False

    rig.worker._stopping.wait = wait  # type: ignore[method-assign, assignment]
    return pauses


def test_waiting_for_kafka_takes_longer_pauses_up_to_a_limit() -> None:
    rig = Rig(source=Flaky(open=7))
    pauses = without_pauses(rig)
    shop(rig.source, 10)
    rig.run()
    assert pauses == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]
    assert rig.watcher.events == 10


def test_a_worker_may_be_told_not_to_wait_for_kafka_for_ever() -> None:
    rig = Rig(overrides={"run__service_wait_seconds": 8.0}, source=Flaky(open=1_000))
    pauses = without_pauses(rig)
    with pytest.raises(ServiceUnavailable, match="no open now"):
        rig.worker.run()
    assert sum(pauses) > 8.0


def test_whatever_goes_wrong_in_closing_all_is_closed_and_the_cause_stays() -> None:
    class Broken(MemoryLists):
        closed = False

        @override
        def close(self) -> None:
            self.closed = True
            raise RuntimeError("the socket is gone")

    class BrokenLetters(MemoryDeadLetters):
        @override
        def close(self) -> None:
            raise ServiceUnavailable("no answer")

    lists = Broken()
    Rig(lists=lists, dead_letters=BrokenLetters()).run()
    assert lists.closed
    rig = Rig(lists=lists, dead_letters=BrokenLetters())
    rig.source.lose()
    with pytest.raises(OwnershipLost):
        rig.worker.run()


# -- health -------------------------------------------------------------------------------------------------------


def test_it_is_ready_once_its_partitions_are_restored() -> None:
    rig = Rig()
    told: list[str | None] = [rig.worker.why_not_ready()]
    rig.run(lambda number: told.append(rig.worker.why_not_ready()))
    assert told[:3] == ["starting", "waiting for partitions", None]
    assert rig.worker.why_not_ready() == "stopping"


def test_a_worker_to_whom_the_group_gave_nothing_is_ready() -> None:
    rig = Rig(source=MemoryEventSource(partitions=0))
    told: list[str | None] = []
    rig.run(lambda number: told.append(rig.worker.why_not_ready()))
    assert told[1:] == [None] * (len(told) - 1)
    assert rig.snapshots.manifests() == []


def test_it_is_not_ready_while_kafka_refuses_it_and_goes_on_then() -> None:
    rig = Rig(source=Flaky(poll=2))
    without_pauses(rig)
    shop(rig.source, 10)
    told: list[str | None] = []
    rig.run(lambda number: told.append(rig.worker.why_not_ready()))
    assert told[:2] == ["waiting for Kafka: no poll now"] * 2
    assert told[4] is None
    assert rig.watcher.events == 10


def test_it_is_not_ready_while_redis_takes_no_lists() -> None:
    rig = Rig()
    rig.lists.available = False
    shop(rig.source, 10)
    told: list[str | None] = []

    def at_round(number: int) -> None:
        told.append(rig.worker.why_not_ready())
        if number == 30:
            rig.lists.available = True

    rig.run(at_round)
    assert told[5] == "Redis does not take lists"
    assert rig.watcher.events == 10
    assert set(rig.lists.lists) == {f"u{number}-0" for number in range(7)}
    assert told[-1] is None


def test_it_is_live_while_it_makes_its_rounds() -> None:
    rig = Rig(overrides={"health__stall_seconds": 60.0})
    rig.run(lambda number: None)
    assert rig.worker.why_not_live() is None
    rig.clock.advance(61.0)
    assert rig.worker.why_not_live() == "no round of the loop for 61 s"


# -- partitions come and go ---------------------------------------------------------------------------------------


def test_a_partition_that_goes_is_safe_before_the_other_worker_can_have_it() -> None:
    rig = Rig(source=MemoryEventSource(partitions=2))
    shop(rig.source, 20)
    shop(rig.source, 20, partition=1)
    found: list[int] = []

    def at_round(number: int) -> None:
        if number == 5:
            rig.source.revoke(1)
        if number == 6:
            other = Rig(overrides={"kafka__instance_id": "w-1"}, snapshots=rig.snapshots)
            found.append(other.worker._parts.checkpointer.take(1)[0].next_offset)
            shop(rig.source, 5)

    rig.run(at_round)
    assert found == [20]
    assert rig.watcher.owned_partitions == [[0, 1], [0]]
    assert rig.watcher.events == 45
    assert rig.source.committed == {0: 25, 1: 20}
    assert len(rig.recommender._shards) == 1


def test_a_partition_that_comes_back_goes_on_where_it_was() -> None:
    rig = Rig(source=MemoryEventSource(partitions=2))
    shop(rig.source, 20, partition=1)

    def at_round(number: int) -> None:
        if number == 4:
            rig.source.revoke(1)
        if number == 6:
            rig.source.assign(1)
        if number == 8:
            shop(rig.source, 5, partition=1)

    rig.run(at_round)
    assert rig.watcher.events == 25
    assert rig.watcher.owned_partitions == [[0, 1], [0], [0, 1]]


def test_a_partition_that_goes_before_it_was_taken_is_not_taken() -> None:
    rig = Rig(source=Flaky(begin=1_000))

    def at_round(number: int) -> None:
        rig.clock.advance(1.0)
        if number == 3:
            rig.source.revoke(0)
        if number == 5:
            assert isinstance(rig.source, Flaky)
            rig.source.failures.clear()

    rig.run(at_round)
    assert rig.watcher.owned_partitions == []
    assert rig.recommender._shards == []


def test_when_kafka_does_not_say_what_it_holds_the_taking_over_is_tried_again() -> None:
    rig = Rig(source=Flaky(begin=2))
    shop(rig.source, 10)
    told: list[str | None] = []

    def at_round(number: int) -> None:
        told.append(rig.worker.why_not_ready())
        rig.clock.advance(0.5)

    rig.run(at_round)
    assert rig.watcher.events == 10
    assert "restoring partitions [0]: no begin now" in told
    assert len(rig.recommender._shards) == 1


def test_when_the_claim_cannot_be_written_nothing_is_learned_until_it_can() -> None:
    rig = Rig(snapshots=FullDisk(manifests=2))
    shop(rig.source, 10)
    events: list[int] = []

    def at_round(number: int) -> None:
        events.append(rig.watcher.events)
        rig.clock.advance(0.5)

    rig.run(at_round)
    assert events[:3] == [0, 0, 0]
    assert rig.watcher.events == 10, "records that came before the claim stood are read again"
    assert rig.source.committed == {0: 10}


def test_a_worker_that_was_replaced_ends_and_writes_nothing() -> None:
    rig = Rig()
    shop(rig.source, 10)

    def at_round(number: int) -> None:
        if number == 4:
            rig.source.lose()

    with pytest.raises(OwnershipLost):
        rig.run(at_round)
    assert rig.watcher.snapshots == 0
    assert rig.source.committed == {}


def test_a_worker_whose_name_was_taken_ends_at_its_next_snapshot() -> None:
    rig = Rig(overrides={"snapshots__interval_seconds": 1.0})

    def at_round(number: int) -> None:
        shop(rig.source, 1)
        if number == 3:
            rig.snapshots.create_manifest(ManifestName("w-0", 2), b"{}")

    with pytest.raises(OwnershipLost):
        rig.run(at_round)
    assert rig.source.committed == {}


# -- positions ----------------------------------------------------------------------------------------------------


def stopped_after(events: int) -> Rig:
    """A worker that learned so many events and stopped."""
    rig = Rig()
    shop(rig.source, events)
    return rig.run()


def test_a_restart_goes_on_from_the_snapshot_whatever_the_group_committed() -> None:
    rig = stopped_after(10)
    rig.source.committed[0] = 3
    shop(rig.source, 5)
    assert rig.again().run().watcher.events == 5


def test_a_gap_stops_the_worker() -> None:
    rig = stopped_after(10)
    shop(rig.source, 20)
    rig.source.truncate(0, 15)
    with pytest.raises(PositionError, match="15 to 30, not our position 10"):
        rig.again().run()


def test_a_gap_is_skipped_when_that_is_allowed() -> None:
    rig = stopped_after(10)
    shop(rig.source, 20)
    rig.source.truncate(0, 15)
    after = rig.again(kafka__on_gap="skip").run()
    assert after.watcher.events == 15
    assert after.source.committed == {0: 30}


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
