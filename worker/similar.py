"""Similar items on their way out: published where they changed, some at a time, within a share of the loop's time."""

from collections.abc import Iterable, Sequence

import numpy as np

from models.batch import Float64s, Int32s, Int64s, UInt64s
from models.recommender import Recommender
from models.shard import ProfileShard
from models.similar import count_shown, rows_that_name, shares_and_trends, similar_items
from worker.events import SimilarItems
from worker.ports import Clock, ListSink
from worker.settings import ListSettings

ITEMS_AT_ONCE = 500
SHARE = 0.05
COUNT_SECONDS = 5.0
SCORE_DIGITS, SHARE_DIGITS, TREND_DIGITS = 6, 9, 4
BEFORE_ALL = -1e15


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
        self._hashes: UInt64s = np.zeros(0, np.uint64)  # of the id that is published of the row; 0 = none is
        self._events: Int64s = np.zeros(0, np.int64)  # that it had by then
        self._at_seconds: Float64s = np.zeros(0)
        self._counts: Int64s = np.zeros(0, np.int64)
        self._counted_at_seconds = -np.inf
        self._free_at_seconds = 0.0
        self._mark = ""
        self._hidden: dict[str, None] = {}

    def seen(self, mark: str) -> None:
        """The store bears this mark now: with another one, all that was published is lost."""
        if self._mark and mark != self._mark:
            self._hashes[:] = 0
        self._mark = mark

    def hide(self, item_ids: Sequence[str]) -> None:
        """These items may not be shown any more; what names them is published anew. Raises ServiceUnavailable."""
        if self._size and item_ids:
            self._fit()
            rows = self._recommender.vocabulary.rows_of(item_ids)
            rows = rows[rows >= 0]
            self._hashes[rows] = 0
            self._hashes[rows_that_name(self._recommender.knowledge, rows)] = 0
            self._hidden |= dict.fromkeys(item_ids)
            self._remove_hidden()

    def show(self, item_ids: Iterable[str]) -> None:
        """These items may be shown."""
        for item_id in item_ids:
            self._hidden.pop(item_id, None)

    def some(self, shards: Sequence[ProfileShard]) -> int:
        """Publishes some; then none until nineteen times as long has passed. Raises ServiceUnavailable."""
        began = self._clock.monotonic()
        if not self._size or began < self._free_at_seconds:
            return 0
        self._remove_hidden()
        self._fit()
        rows = self._due(began)
        if len(rows):
            self._lists.publish_similar(self._records(rows, shards))
            self._hashes[rows] = self._recommender.vocabulary.hashes[rows]
            self._events[rows] = self._recommender.knowledge.events[rows]
            self._at_seconds[rows] = began
        ended = self._clock.monotonic()
        self._free_at_seconds = ended + (ended - began) * (1 - SHARE) / SHARE
        return len(rows)

    def _remove_hidden(self) -> None:
        if self._hidden:
            self._lists.remove_similar(self._hidden)
            self._hidden.clear()

    def _fit(self) -> None:
        """The tables follow the vocabulary."""
        missing = len(self._recommender.knowledge.events) - len(self._hashes)
        if missing > 0:
            self._hashes = np.concatenate([self._hashes, np.zeros(missing, np.uint64)])
            self._events = np.concatenate([self._events, np.zeros(missing, np.int64)])
            self._at_seconds = np.concatenate([self._at_seconds, np.zeros(missing)])

    def _due(self, now_seconds: float) -> Int32s:
        """Items with news: those of which nothing is published first, by their events, then who waits longest."""
        knowledge, shown = self._recommender.knowledge, self._recommender.shelf().shown
        hashes = self._recommender.vocabulary.hashes
        is_told = (hashes != 0) & shown
        is_new = self._hashes != hashes
        has_news = is_new | (self._events != knowledge.events) | (self._at_seconds < now_seconds - self._renew_seconds)
        rows = np.flatnonzero(is_told & has_news)
        if len(rows) > ITEMS_AT_ONCE:
            order = np.where(is_new[rows], BEFORE_ALL - knowledge.events[rows], self._at_seconds[rows])
            rows = rows[np.argpartition(order, ITEMS_AT_ONCE - 1)[:ITEMS_AT_ONCE]]
        return rows.astype(np.int32)

    def _records(self, rows: Int32s, shards: Sequence[ProfileShard]) -> dict[str, SimilarItems]:
        knowledge, ids_of = self._recommender.knowledge, self._recommender.vocabulary.ids_of
        found = similar_items(knowledge, self._recommender.shelf().shown, rows, self._size)
        shares, trends = shares_and_trends(knowledge.popularity, rows)
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
        now_seconds, capacity = self._clock.monotonic(), len(self._hashes)
        if now_seconds >= self._counted_at_seconds + COUNT_SECONDS or len(self._counts) < capacity:
            self._counts = np.zeros(capacity, np.int64)
            for shard in shards:
                count_shown(shard.profiles.published, self._counts)
            self._counted_at_seconds = now_seconds
        return self._counts
