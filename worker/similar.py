"""Similar items on their way out: published where they changed, some at a time, within a share of the loop's time."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from models.batch import Float64s, Int32s, Int64s, UInt64s
from models.experts.popularity import standing
from models.recommender import Recommender
from models.shard import ProfileShard
from models.similar import count_shown, rows_that_name, similar_items
from worker.events import SimilarItems
from worker.ports import Clock, ListSink
from worker.settings import ListSettings

ITEMS_AT_ONCE = 500
SHARE = 0.05
COUNT_SECONDS = 5.0
QUIET_SECONDS = 600.0  # after which an item without events is told of again: others had some, so its trend fell
SCORE_DIGITS, SHARE_DIGITS, TREND_DIGITS = 6, 9, 4
BEFORE_ALL = -1e15


class Published(NamedTuple):
    """What stands published of n rows.

    Attributes:
        hashes: (n,) of the item's id; 0 = nothing is published.
        events, of_all: (n,) how many events the item had by then, and all items.
        at_seconds: (n,) when it was.
    """

    hashes: UInt64s
    events: Int64s
    of_all: Int64s
    at_seconds: Float64s

    @classmethod
    def nothing(cls, rows: int) -> "Published":
        """Nothing is published."""
        zeros = np.zeros(rows, np.int64)
        return cls(np.zeros(rows, np.uint64), zeros, zeros.copy(), np.zeros(rows))


class SimilarPublishing:
    """Knows what stands published of each item, and who waits longest for news of itself."""

    def __init__(
        self, recommender: Recommender, lists: ListSink, clock: Clock, settings: ListSettings, model: str
    ) -> None:
        self._recommender = recommender
        self._lists = lists
        self._clock = clock
        self._size = settings.similar_size
        self._renew_seconds = settings.ttl_seconds / 2
        self._model = model
        self._published = Published.nothing(0)
        self._counts: Int64s = np.zeros(0, np.int64)
        self._counted_at_seconds = -np.inf
        self._free_at_seconds = 0.0
        self._mark = ""
        self._hidden: dict[str, None] = {}

    def seen(self, mark: str) -> None:
        """The store bears this mark now: with another one, all that was published is lost."""
        if mark and mark != self._mark:
            if self._mark:
                self._published.hashes[:] = 0
            self._mark = mark

    def hide(self, item_ids: Sequence[str]) -> None:
        """These items may not be shown any more; what names them is published anew."""
        if not self._size:
            return
        self._hidden |= dict.fromkeys(item_ids)
        rows = self._recommender.vocabulary.rows_of(item_ids)
        rows = rows[rows >= 0]
        if len(rows):
            self._fit()
            self._published.hashes[rows] = 0
            self._published.hashes[rows_that_name(self._recommender.knowledge, rows)] = 0

    def remove_hidden(self) -> None:
        """Takes away what goes with items that may not be shown. Raises ServiceUnavailable; they wait on then."""
        if self._hidden:
            self._lists.remove_similar(self._hidden)
            self._hidden.clear()

    def show(self, item_ids: Iterable[str]) -> None:
        """These items may be shown."""
        for item_id in item_ids:
            self._hidden.pop(item_id, None)

    def some(self, shards: Sequence[ProfileShard]) -> int:
        """Publishes some; then none until nineteen times as long has passed. Raises ServiceUnavailable."""
        began = self._clock.monotonic()
        if not self._size or began < self._free_at_seconds:
            return 0
        self.remove_hidden()
        self._fit()
        rows = self._due(began)
        if len(rows):
            self._lists.publish_similar(self._records(rows, shards))
            self._note(rows, began)
        ended = self._clock.monotonic()
        self._free_at_seconds = ended + (ended - began) * (1 - SHARE) / SHARE
        return len(rows)

    def _note(self, rows: Int32s, now_seconds: float) -> None:
        published = self._published
        published.hashes[rows] = self._recommender.vocabulary.hashes[rows]
        published.events[rows] = self._recommender.knowledge.events[rows]
        published.of_all[rows] = self._recommender.events
        published.at_seconds[rows] = now_seconds

    def _fit(self) -> None:
        """The tables follow the vocabulary."""
        missing = len(self._recommender.knowledge.events) - len(self._published.hashes)
        if missing > 0:
            columns = zip(self._published, Published.nothing(missing), strict=True)
            self._published = Published._make(map(np.concatenate, columns))

    def _due(self, now_seconds: float) -> Int32s:
        """Items to tell of: first those of which nothing is published, by their events, then who waits longest."""
        knowledge, published = self._recommender.knowledge, self._published
        hashes, age_seconds = self._recommender.vocabulary.hashes, now_seconds - published.at_seconds
        is_new = published.hashes != hashes
        had_events = published.events != knowledge.events
        fell = (age_seconds > QUIET_SECONDS) & (published.of_all != self._recommender.events)
        has_news = is_new | had_events | fell | (age_seconds > self._renew_seconds)
        rows = np.flatnonzero((hashes != 0) & self._recommender.shelf().shown & has_news)
        if len(rows) > ITEMS_AT_ONCE:
            since_seconds = np.where(had_events, published.at_seconds, published.at_seconds + QUIET_SECONDS)
            order = np.where(is_new, BEFORE_ALL - knowledge.events, since_seconds)[rows]
            rows = rows[np.argpartition(order, ITEMS_AT_ONCE - 1)[:ITEMS_AT_ONCE]]
        return rows.astype(np.int32)

    def _records(self, rows: Int32s, shards: Sequence[ProfileShard]) -> dict[str, SimilarItems]:
        knowledge, ids_of = self._recommender.knowledge, self._recommender.vocabulary.ids_of
        found = similar_items(knowledge, self._recommender.shelf().shown, rows, self._size)
        shares, trends = standing(knowledge.popularity, rows)
        items = map(ids_of, found.items.tolist())
        columns = zip(
            ids_of(rows.tolist()),
            items,
            np.round(found.scores.astype(np.float64), SCORE_DIGITS).tolist(),
            np.round(shares, SHARE_DIGITS).tolist(),
            np.round(trends, TREND_DIGITS).tolist(),
            self._lists_with(shards)[rows].tolist(),
            knowledge.events[rows].tolist(),
            found.together.tolist(),
            strict=True,
        )
        now_ms = self._clock.now_ms()
        return {
            item_id: SimilarItems(similar, scores[: len(similar)], self._model, now_ms, *others)
            for item_id, similar, scores, *others in columns
        }

    def _lists_with(self, shards: Sequence[ProfileShard]) -> Int64s:
        """(n,) how many published lists show an item, counted every few seconds."""
        now_seconds, capacity = self._clock.monotonic(), len(self._published.hashes)
        if now_seconds >= self._counted_at_seconds + COUNT_SECONDS or len(self._counts) < capacity:
            self._counts = np.zeros(capacity, np.int64)
            for shard in shards:
                count_shown(shard.profiles.published, self._counts)
            self._counted_at_seconds = now_seconds
        return self._counts
