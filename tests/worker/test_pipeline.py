"""Records in, fresh lists out: one pipeline on adapters in memory."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from models.recommender import Recommender
from tests.support.pipelines import memory_pipeline
from tests.support.records import NOW_MS, line, records
from tests.support.rig import Watcher, rig_settings
from worker import pipeline
from worker.adapters.memory import ManualClock, MemoryDeadLetters, MemoryLists
from worker.assembly import recommender_options
from worker.events import RecommendationList, Reject, position_text
from worker.partition import OwnedPartition, new_partition
from worker.pipeline import RETRY_SECONDS
from worker.rules import GONE, Listing
from worker.steps.clean import Cleaner

ENOUGH_SECONDS = 10.0


class CountingLists(MemoryLists):
    """Remembers whose lists came with each call, those that failed too; each call takes time.

    Attributes:
        call_seconds: how long a call takes.
    """

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self.calls: list[list[str]] = []
        self.call_seconds = 0.0
        self._clock = clock

    @override
    def publish(self, lists: Mapping[str, RecommendationList]) -> int:
        self.calls.append(sorted(lists))
        self._clock.advance(self.call_seconds)
        return super().publish(lists)


class Line:
    """A pipeline with some partitions that were assigned at the start of their logs."""

    def __init__(self, partitions: int = 1, **settings: Any) -> None:
        self.settings = rig_settings(**settings)
        self.clock = ManualClock(NOW_MS)
        self.lists = CountingLists(self.clock)
        self.dead_letters = MemoryDeadLetters()
        self.watcher = Watcher(self.clock)
        self.recommender = Recommender(recommender_options(self.settings))
        self.pipeline = memory_pipeline(
            self.settings, self.recommender, self.lists, self.dead_letters, self.clock, self.watcher
        )
        self.partitions = [self.partition(number) for number in range(partitions)]

    def partition(self, number: int) -> OwnedPartition:
        return new_partition(number, self.recommender, Cleaner(self.settings.clean))

    def feed(self, *values: bytes | None, partition: int = 0, timestamp: int = NOW_MS) -> None:
        """Processes records with these values in one batch."""
        owned = self.partitions[partition]
        self.pipeline.process(owned, records(values, owned.next_offset, timestamp))

    def refresh(self, seconds: float = ENOUGH_SECONDS) -> None:
        self.pipeline.refresh(self.partitions, seconds)

    def waiting(self) -> int:
        return sum(len(each.dirty) for each in self.partitions)


def views(*pairs: str) -> list[bytes]:
    """`ann:tea` = ann views tea; the times ascend."""
    events = [pair.split(":") for pair in pairs]
    return [line(user, item, ts=NOW_MS - 1000 + place) for place, (user, item) in enumerate(events)]


def test_an_event_makes_its_users_list_fresh() -> None:
    run = Line()
    run.feed(*views("ann:tea", "ben:tea", "ben:milk"))
    run.refresh()
    found = run.lists.lists["ann"]
    assert set(run.lists.lists) == {"ann", "ben"}
    assert set(found.items) == {"tea", "milk"}
    assert found.position.startswith(position_text(1, 3)[:-7])
    assert run.waiting() == 0


def test_a_list_is_newer_than_the_one_before_even_without_a_new_event() -> None:
    run = Line()
    run.feed(*views("ann:tea"))
    run.refresh()
    first = run.lists.lists["ann"].position
    run.partitions[0].dirty.mark_rows(run.partitions[0].shard.users.rows_in_use().astype("int64"), NOW_MS, 1024)
    run.clock.advance(1.0)
    run.refresh()
    assert run.lists.lists["ann"].position > first
    assert run.watcher.refused == 0


def test_freshness_counts_from_the_records_time_to_the_visible_list() -> None:
    run = Line()
    run.lists.call_seconds = 0.2
    run.feed(*views("ann:tea"), timestamp=NOW_MS - 1500)
    run.clock.advance(0.3)
    run.refresh()
    assert run.watcher.freshness_seconds == pytest.approx([2.0])


def test_an_event_that_teaches_nothing_makes_no_list_stale() -> None:
    run = Line()
    run.feed(line("ann", "tea", kind="view_item_list"))
    assert run.waiting() == 0


def test_a_users_list_is_refreshed_at_most_once_per_interval() -> None:
    run = Line(refresh__coalesce_seconds=0.25)
    run.feed(*views("ann:tea"))
    run.refresh()
    run.feed(*views("ann:milk"))
    run.clock.advance(0.2)
    run.refresh()
    assert (len(run.lists.calls), run.waiting()) == (1, 1)
    run.clock.advance(0.05)
    run.refresh()
    assert (len(run.lists.calls), run.waiting()) == (2, 0)


def test_who_waits_longest_comes_first_over_all_partitions() -> None:
    run = Line(partitions=2, refresh__chunk_users=2)
    run.feed(*views("a:x"), timestamp=NOW_MS - 50)
    run.feed(*views("b:x"), timestamp=NOW_MS - 10)
    run.feed(*views("c:x"), partition=1, timestamp=NOW_MS - 90)
    run.feed(*views("d:x"), partition=1, timestamp=NOW_MS - 20)
    run.refresh()
    assert run.lists.calls == [["a"], ["c"], ["b"], ["d"]]


@settings(max_examples=25)
@given(times=st.lists(st.integers(0, 3), min_size=1, max_size=30), chunk=st.integers(1, 7))
def test_a_chunk_never_holds_more_users_than_it_may(times: list[int], chunk: int) -> None:
    run = Line(refresh__chunk_users=chunk)
    for number, time in enumerate(times):
        run.feed(*views(f"u{number}:x"), timestamp=NOW_MS + time)
    run.refresh()
    since = {f"u{number}": time for number, time in enumerate(times)}
    assert sorted(user for call in run.lists.calls for user in call) == sorted(since)
    assert max(map(len, run.lists.calls)) <= chunk
    order = [[since[user] for user in call] for call in run.lists.calls]
    assert all(max(before) <= min(after) for before, after in pairwise(order))


def test_refreshing_ends_when_its_time_is_up() -> None:
    run = Line(refresh__chunk_users=1)
    run.lists.call_seconds = 0.1
    run.feed(*views("a:x", "b:x", "c:x", "d:x"))
    run.refresh(seconds=0.15)
    assert run.waiting() == 2
    run.refresh(seconds=-1.0)
    assert run.waiting() == 2


def test_while_the_sink_is_away_users_wait_and_learning_goes_on() -> None:
    run = Line()
    run.lists.available = False
    run.feed(*views("ann:tea"))
    run.refresh()
    assert not run.pipeline.publishes
    assert (run.waiting(), run.watcher.failed_lists) == (1, 1)
    run.feed(*views("ann:milk", "ben:tea"))
    assert (run.recommender.events, run.waiting()) == (3, 2)


def test_when_the_sink_is_back_all_who_waited_get_their_lists() -> None:
    run = Line()
    run.pipeline.publish_popular()
    run.lists.available = False
    run.feed(*views("ann:tea"), timestamp=NOW_MS - 1000)
    run.refresh()
    run.lists.available = True
    run.refresh()
    assert len(run.lists.calls) == 1, "a sink that failed is left alone for a while"
    run.clock.advance(RETRY_SECONDS)
    run.refresh()
    assert run.pipeline.publishes
    assert set(run.lists.lists) == {"ann"}
    assert run.watcher.freshness_seconds == pytest.approx([1.0 + RETRY_SECONDS])


def test_a_failed_write_is_not_tried_for_every_partition() -> None:
    run = Line(partitions=3)
    run.pipeline.publish_popular()
    run.lists.available = False
    for number in range(3):
        run.feed(*views(f"u{number}:x"), partition=number)
    run.refresh()
    assert len(run.lists.calls) == 1


def test_what_cannot_be_learned_becomes_a_dead_letter_and_the_offset_moves_on() -> None:
    run = Line()
    run.feed(b"{", None, b"\xff", line(kind="no_such_kind"), line("ann", "tea"))
    assert [each.reason for each in run.dead_letters.rejections] == [
        Reject.NOT_JSON,
        Reject.NULL_VALUE,
        Reject.NOT_UTF8,
        Reject.UNKNOWN_KIND,
    ]
    assert sum(run.watcher.rejected.values()) == 4
    assert run.partitions[0].next_offset == 5
    assert run.recommender.events == 1


def test_a_batch_of_nothing_but_bad_records_moves_the_offset_too() -> None:
    run = Line()
    run.feed(None, b"[]")
    run.refresh()
    assert (run.partitions[0].next_offset, run.recommender.events, run.lists.lists) == (2, 0, {})


@pytest.mark.parametrize("part_bytes", [1, 150, 10_000])
def test_much_at_once_is_worked_off_in_parts_with_the_same_result(
    monkeypatch: pytest.MonkeyPatch, part_bytes: int
) -> None:
    values = [*views(*(f"user{number % 7}:item{number % 5}" for number in range(60))), None, b"no json", b""]
    whole, parted = Line(), Line()
    whole.feed(*values)
    monkeypatch.setattr(pipeline, "PART_BYTES", part_bytes)
    parted.feed(*values)
    first, second = (
        line.recommender.dump() | line.recommender.dump_shard(line.partitions[0].shard) for line in (whole, parted)
    )
    assert all(np.array_equal(first[name], second[name]) for name in first | second)
    assert parted.partitions[0].next_offset == whole.partitions[0].next_offset == len(values)
    assert parted.dead_letters.rejections == whole.dead_letters.rejections
    assert parted.waiting() == whole.waiting() == 7


def test_a_duplicate_is_counted_but_no_dead_letter() -> None:
    run = Line()
    run.feed(line("ann", "tea", event_id="e1"), line("ann", "milk", event_id="e1"))
    assert run.watcher.rejected == {Reject.DUPLICATE: 1}
    assert run.dead_letters.rejections == []
    assert run.recommender.events == 1


def learned_line(**settings: Any) -> Line:
    """Ann's and ben's lists show tea and milk."""
    run = Line(**settings)
    run.feed(*views("ann:tea", "ann:milk", "ben:tea", "ben:milk"))
    run.refresh()
    assert all(set(each.items) == {"tea", "milk"} for each in run.lists.lists.values())
    run.clock.advance(1.0)
    return run


def test_an_item_that_is_lost_disappears_from_published_lists_and_may_come_back() -> None:
    run = learned_line()
    run.pipeline.set_listings({"tea": GONE, "unheard-of": GONE}, run.partitions)
    assert run.waiting() == 2
    run.refresh()
    assert {user: each.items for user, each in run.lists.lists.items()} == {"ann": ["milk"], "ben": ["milk"]}
    run.pipeline.set_listings({"tea": Listing(shown=True)}, run.partitions)
    run.clock.advance(1.0)
    run.feed(*views("ann:bread"))
    run.refresh()
    assert "tea" in run.lists.lists["ann"].items


def test_an_item_that_was_lost_while_a_partition_was_away_disappears_when_it_comes() -> None:
    run = learned_line()
    run.pipeline.set_listings({"tea": GONE}, [])
    assert run.waiting() == 0
    run.pipeline.adopt(run.partitions[0])
    run.refresh()
    assert {user: each.items for user, each in run.lists.lists.items()} == {"ann": ["milk"], "ben": ["milk"]}


def test_an_event_is_held_against_the_list_that_stood_published() -> None:
    run = learned_line()
    place = run.lists.lists["ann"].items.index("milk") + 1
    run.feed(line("ann", "milk", ts=NOW_MS), line("ann", "bread", ts=NOW_MS + 1), line("new", "milk", ts=NOW_MS + 2))
    assert (run.watcher.served.events, run.watcher.served.hits) == (2, 1)
    assert run.watcher.served.reciprocal_ranks == pytest.approx(1 / place)


def test_lists_are_held_against_the_objective_and_against_each_kind() -> None:
    run = learned_line(learning__objective="purchase")
    looks = [line("ann", "milk", ts=NOW_MS), line("ann", "bread", ts=NOW_MS + 1)]
    run.feed(*looks, line("ann", "milk", "purchase", ts=NOW_MS + 2))
    assert (run.watcher.served.events, run.watcher.served.hits) == (1, 1)
    by_kind = run.watcher.served_by_kind
    assert {kind: (served.events, served.hits) for kind, served in by_kind.items()} == {
        "view_item": (2, 1),
        "purchase": (1, 1),
    }


def test_popularity_is_held_against_the_same_events() -> None:
    run = learned_line()
    run.feed(line("ann", "milk", ts=NOW_MS))
    assert run.watcher.served.popular_hits == 0, "no popular list stood published"
    run.pipeline.publish_popular()
    run.feed(line("ann", "tea", ts=NOW_MS + 1))
    assert run.watcher.served.popular_hits == 1


def test_the_popular_list_is_published_as_soon_as_something_is_known() -> None:
    run = Line()
    run.pipeline.publish_popular()
    assert run.lists.popular is None, "an empty list must not replace what an earlier worker left"
    run.feed(*views("ann:tea"))
    run.pipeline.publish_popular()
    popular = run.lists.read_popular()
    assert popular is not None
    assert popular.items == ["tea"]


@pytest.mark.parametrize("values", [[], views("ann:tea")])
def test_an_absent_sink_is_noticed_before_any_list_is_due(values: Sequence[bytes]) -> None:
    run = Line()
    run.feed(line("zoe", "x", kind="view_item_list"), *values)
    run.lists.available = False
    run.pipeline.publish_popular()
    assert not run.pipeline.publishes
    run.lists.available = True
    run.pipeline.publish_popular()
    assert run.pipeline.publishes


def test_a_partition_that_moved_on_is_forgotten() -> None:
    run = Line(partitions=2)
    run.pipeline.drop(run.partitions[0])
    assert run.recommender._shards == [run.partitions[1].shard]
