"""Items in far more lists than their popularity explains: who hears of them, and how often."""

import msgspec
import numpy as np
import pytest

from models.batch import Int64s
from models.recommender import Recommender, RecommenderOptions
from tests.support.learning import random_batch
from worker.adapters.memory import ManualClock, MemoryRecords
from worker.notes import Notes
from worker.oddities import AGAIN_SECONDS, LEAST_LISTS, MOST_ITEMS, Oddities
from worker.review_records import Oddity, ReviewRecord

ITEMS, LISTS = 300, 1000


class Shop:
    """A recommender that knows 300 items, of which 100 are the most popular."""

    def __init__(self, share: float = 0.5) -> None:
        self.recommender = Recommender(RecommenderOptions())
        self.recommender.learn(self.recommender.new_shard(), random_batch(1, 6000, 50, ITEMS))
        self.clock, self.records = ManualClock(), MemoryRecords()
        self.oddities = Oddities(self.recommender, Notes(self.records, "review", "w-0", self.clock), share)
        top = self.recommender.knowledge.popularity.top[-1]
        others = np.setdiff1d(self.recommender.vocabulary.rows_in_use(), top)
        self.popular, self.others = top.tolist(), others.tolist()

    def shown(self, *rows: int, lists: int = LISTS) -> Int64s:
        shown = np.zeros(self.recommender.vocabulary.capacity, np.int64)
        shown[list(rows)] = lists
        return shown

    def told(self) -> list[Oddity]:
        found = [msgspec.json.decode(value or b"", type=ReviewRecord) for _, _, value in self.records.records]
        return [each for each in found if isinstance(each, Oddity)]


def test_an_unpopular_item_in_over_half_of_the_lists_is_told_of_with_its_shares() -> None:
    shop = Shop()
    row = shop.others[0]
    shop.oddities.look(shop.shown(row, lists=700), LISTS, ())
    (oddity,) = shop.told()
    assert (oddity.item_id, oddity.worker) == (shop.recommender.vocabulary.id_of(row), "w-0")
    assert oddity.share_of_lists == pytest.approx(0.7)
    popularity = shop.recommender.knowledge.popularity
    assert oddity.share_of_events == pytest.approx(popularity.counts[-1, row] / popularity.totals[-1], abs=1e-9)


def test_popular_items_few_lists_small_shares_and_what_is_meant_are_not_odd() -> None:
    shop = Shop()
    row = shop.others[0]
    shop.oddities.look(shop.shown(*shop.popular[:5]), LISTS, ())
    shop.oddities.look(shop.shown(row, lists=LEAST_LISTS - 1), LEAST_LISTS - 1, ())
    shop.oddities.look(shop.shown(row, lists=499), LISTS, ())
    shop.oddities.look(shop.shown(row), LISTS, {shop.recommender.vocabulary.id_of(row)})
    Shop(share=0).oddities.look(shop.shown(row), LISTS, ())
    assert shop.told() == []


def test_the_same_item_is_told_of_once_an_hour() -> None:
    shop = Shop()
    shown = shop.shown(shop.others[0])
    for _ in range(3):
        shop.oddities.look(shown, LISTS, ())
    assert len(shop.told()) == 1
    shop.clock.advance(AGAIN_SECONDS)
    shop.oddities.look(shown, LISTS, ())
    assert len(shop.told()) == 2


def test_of_many_odd_items_the_most_shown_are_told_of() -> None:
    shop = Shop()
    shown = shop.shown()
    for place, row in enumerate(shop.others[:30]):
        shown[row] = 600 + place
    shop.oddities.look(shown, LISTS, ())
    assert [round(each.share_of_lists * LISTS) for each in shop.told()] == list(range(629, 629 - MOST_ITEMS, -1))
