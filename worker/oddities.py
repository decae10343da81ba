"""Oddities: items that stand in far more lists than their popularity explains, for a person to look at."""

from collections.abc import Collection

import numpy as np

from models.batch import Int64s
from models.experts.popularity import standing
from models.recommender import Recommender
from worker.notes import Notes
from worker.review_records import Oddity, review_key

LEAST_LISTS = 100
MOST_ITEMS = 10
AGAIN_SECONDS = 3600.0
SHARE_DIGITS = 9


class Oddities:
    """Looks at how often lists show each item; tells of the same one once an hour."""

    def __init__(self, recommender: Recommender, notes: Notes, share: float) -> None:
        """Items in so large a share of lists that are not among the most popular are odd; 0 = none is."""
        self._recommender = recommender
        self._notes = notes
        self._share = share
        self._told_at_seconds: dict[str, float] = {}

    def look(self, shown: Int64s, lists: int, meant: Collection[str]) -> None:
        """`shown` (n,) says in how many of `lists` each item stands; those that are `meant` to are not odd."""
        if not self._share or lists < LEAST_LISTS:
            return
        rows = np.flatnonzero(shown >= self._share * lists)
        popularity = self._recommender.knowledge.popularity
        odd = rows[~np.isin(rows, popularity.top[-1])].astype(np.int32)
        odd = odd[np.argsort(-shown[odd], kind="stable")]
        shares, _ = standing(popularity, odd)
        told = 0
        for row, share in zip(odd.tolist(), shares.tolist(), strict=True):
            item = self._recommender.vocabulary.id_of(row)
            if told < MOST_ITEMS and item not in meant and self._is_news(item):
                self._tell(item, float(shown[row] / lists), share)
                told += 1

    def _is_news(self, item: str) -> bool:
        now_seconds = self._notes.clock.monotonic()
        self._told_at_seconds = {
            each: told for each, told in self._told_at_seconds.items() if now_seconds - told < AGAIN_SECONDS
        }
        return item not in self._told_at_seconds

    def _tell(self, item: str, share_of_lists: float, share_of_events: float) -> None:
        self._told_at_seconds[item] = self._notes.clock.monotonic()
        shares = round(share_of_lists, SHARE_DIGITS), round(share_of_events, SHARE_DIGITS)
        oddity = Oddity(item, self._notes.worker, *shares, self._notes.clock.now_ms())
        self._notes.leave(review_key(oddity), oddity)
