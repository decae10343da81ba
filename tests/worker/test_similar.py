"""Similar items that are published: when, of which items, and when they go."""

from collections.abc import Mapping

import pytest
from typing_extensions import override

from tests.support.rig import Rig
from tests.support.stream import feed, shop
from tests.worker.test_pipeline import Line, views
from worker import similar
from worker.adapters.memory import MemoryLists
from worker.events import SimilarItems
from worker.rules import GONE, Listing


class Publishing(Line):
    """Ann and Ben take tea, milk and bread, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.feed(*views("ann:tea", "ann:milk", "ben:tea", "ben:milk", "ben:bread"))

    def publish(self) -> Mapping[str, SimilarItems]:
        """What one round publishes."""
        before = dict(self.lists.similar)
        self.clock.advance(60.0)
        self.pipeline.publish_similar(self.partitions)
        return {item: each for item, each in self.lists.similar.items() if each is not before.get(item)}


def test_what_goes_with_an_item_is_published_with_how_the_item_fares() -> None:
    run = Publishing()
    run.refresh()
    assert run.publish().keys() == {"tea", "milk", "bread"}
    tea = run.lists.similar["tea"]
    assert tea.items == ["milk", "bread"]
    assert (tea.events, tea.together, tea.model) == (2, 2, "m")
    assert tea.popularity == pytest.approx(0.4, abs=1e-4)
    assert tea.trend == pytest.approx(1.0, abs=0.01)
    assert tea.lists == sum("tea" in each.items for each in run.lists.lists.values()) > 0


def test_only_items_that_had_an_event_are_published_again() -> None:
    run = Publishing()
    run.publish()
    assert run.publish() == {}
    run.feed(*views("cid:bread"))
    assert run.publish().keys() == {"bread"}


def test_a_round_takes_so_many_items_and_those_that_wait_longest_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similar, "ITEMS_AT_ONCE", 1)
    run = Publishing()
    first = [*run.publish(), *run.publish(), *run.publish()]
    assert set(first[:2]) == {"tea", "milk"}, "those with more events come before bread"
    run.feed(*views("cid:bread", "cid:milk", "cid:tea"))
    assert [*run.publish(), *run.publish(), *run.publish()] == first


class SlowLists(MemoryLists):
    """Takes a second for what it is given."""

    def __init__(self, run: Line) -> None:
        super().__init__()
        self.run = run

    @override
    def publish_similar(self, records: Mapping[str, SimilarItems]) -> None:
        self.run.clock.advance(1.0)
        super().publish_similar(records)


def test_publishing_takes_a_small_share_of_the_time() -> None:
    run = Publishing()
    lists = SlowLists(run)
    run.pipeline._similar._lists = lists
    run.pipeline.publish_similar(run.partitions)
    run.feed(*views("cid:bread"))
    lists.similar.clear()
    run.clock.advance(18.0)
    run.pipeline.publish_similar(run.partitions)
    assert lists.similar == {}
    run.clock.advance(1.5)
    run.pipeline.publish_similar(run.partitions)
    assert lists.similar.keys() == {"bread"}


def test_an_item_that_falls_is_told_of_though_it_had_no_event() -> None:
    run = Publishing()
    run.publish()
    before = run.lists.similar["tea"].trend
    run.feed(*views(*(f"u{number}:bread" for number in range(300))))
    run.publish()
    assert run.lists.similar["tea"].trend == before
    run.clock.advance(similar.QUIET_SECONDS)
    assert {"tea", "milk"} <= run.publish().keys()
    assert run.lists.similar["tea"].trend < 0.9 * before
    run.clock.advance(similar.QUIET_SECONDS)
    assert run.publish() == {}, "nothing happened since"


def test_records_are_renewed_before_their_time_to_live_ends() -> None:
    run = Publishing()
    run.publish()
    run.clock.advance(run.settings.lists.ttl_seconds / 2)
    assert run.publish().keys() == {"tea", "milk", "bread"}


def test_an_item_that_may_not_be_shown_loses_its_record_at_once_and_leaves_the_others() -> None:
    run = Publishing()
    run.publish()
    run.pipeline.set_listings({"milk": GONE, "unheard-of": GONE}, run.partitions)
    assert run.lists.similar.keys() == {"tea", "bread"}
    assert run.publish().keys() == {"tea", "bread"}
    assert run.lists.similar["tea"].items == ["bread"]
    run.pipeline.set_listings({"milk": Listing(shown=True)}, run.partitions)
    assert run.publish().keys() == {"milk"}


def test_what_could_not_be_removed_is_removed_once_the_store_answers() -> None:
    run = Publishing()
    run.publish()
    run.lists.available = False
    run.pipeline.set_listings({"milk": GONE, "bread": GONE}, run.partitions)
    assert not run.pipeline.publishes
    run.pipeline.set_listings({"bread": Listing(shown=True)}, run.partitions)
    run.lists.available = True
    run.publish()
    assert run.lists.similar.keys() == {"tea", "bread"}


def test_a_store_that_was_emptied_gets_all_similar_items_again() -> None:
    rig = Rig({"lists__popular_interval_seconds": 0.2, "lists__similar_interval_seconds": 0.1})
    shop(rig.source, 30)

    def at_round(number: int) -> None:
        if number == 9:
            assert len(rig.lists.similar) == 5
            rig.lists.empty()

    rig.run(at_round)
    assert len(rig.lists.similar) == 5


def test_after_a_restart_similar_items_stand_again() -> None:
    rig = Rig({"lists__similar_interval_seconds": 0.1})
    shop(rig.source, 30)
    rig.run()
    rig.lists.empty()
    after = rig.again()
    feed(rig.source, "new:tea")
    after.run()
    assert len(rig.lists.similar) == 6


def test_a_worker_that_stands_by_publishes_no_similar_items() -> None:
    rig = Rig({"lists__similar_interval_seconds": 0.1})
    shop(rig.source, 30)
    rig.run()
    rig.lists.empty()
    rig.source.revoke(0)
    idle = Rig(rig.overrides, rig.source, rig.lists, snapshots=rig.snapshots, clock=rig.clock)
    idle.run()
    assert rig.lists.similar == {}


def test_a_size_of_0_publishes_none() -> None:
    rig = Rig({"lists__similar_size": 0})
    shop(rig.source, 30)
    rig.catalogue.put("i0", None)
    rig.run()
    assert (len(rig.lists.lists), rig.lists.similar) == (7, {})
