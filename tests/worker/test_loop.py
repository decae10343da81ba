"""The loop on adapters in memory: start, health, drain, stop."""

from collections import Counter
from math import isnan

import pytest
from typing_extensions import override

from tests.support.rig import Rig, rankings, room_for
from tests.support.stream import Flaky, feed, newest_offsets, shop
from worker.adapters.memory import MemoryDeadLetters, MemoryLists
from worker.adapters.memory_source import MemoryEventSource
from worker.errors import OwnershipLost, ServiceUnavailable
from worker.loop import REMEMBERED_SECONDS

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


def test_how_lists_spread_over_items_is_told_every_few_seconds() -> None:
    rig = Rig(overrides={"lists__size": 2})
    shop(rig.source, 30)

    def at_round(number: int) -> None:
        if number == 8:
            rig.clock.advance(REMEMBERED_SECONDS)

    rig.run(at_round)
    first, *_, last = rig.watcher.exposures
    assert isnan(first.coverage), "there was no list yet"
    shown = Counter(item for found in rig.lists.lists.values() for item in found.items)
    places = sorted((shown[item] for item, _ in rig.recommender.vocabulary.items()), reverse=True)
    assert last.coverage == pytest.approx(len(shown) / len(places))
    assert last.head_share == pytest.approx(places[0] / sum(places))
    assert 0 < last.gini < 1


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


def test_how_full_the_budgets_are_is_told_by_the_clock() -> None:
    rig = Rig(overrides=room_for(items=64, users=64))
    feed(rig.source, *[f"u{number}:i{number % 32}" for number in range(640)])

    def at_round(number: int) -> None:
        rig.clock.advance(1.0)

    rig.run(at_round)
    assert (rig.watcher.known.items, rig.watcher.known.items_share) == (32, 0.5)
    assert 0.9 < rig.watcher.known.users_share == rig.watcher.known.users / 64 <= 1.0
