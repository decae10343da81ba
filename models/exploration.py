"""Exploration: some lists end with an item that is new, drawn evenly, with the chance of the draw beside it.

A draw is a hash of the user and of how many events the user had, so the same state gives the same lists. One draw, no
second one: if it falls on an item that the user had, that stands in the list, or whose category is full there, the list
stays as it is. So the chance of each item that is shown is exactly the share of lists over the number of new items,
as estimators from logged propensities need it (Horvitz & Thompson 1952; Bottou et al. 2013).
"""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from models.assortment import Assortment, Shelf
from models.batch import Int32s, Int64s, UInt64s
from models.compiled import kernel
from models.knowledge import Knowledge
from models.ranking import Ranked
from models.seen import SeenFilter, has_seen, pair_hash
from models.shard import ProfileShard
from models.vocabulary import Vocabulary

_SALT = np.uint64(0x4E4557204954454D)


class Explored(NamedTuple):
    """A new item at the end of a list.

    Attributes:
        propensity: the chance that this item came to stand there.
    """

    item: str
    propensity: float


class Explorer:
    """Draws new items: known ones with few events, and those that the catalogue shows and nobody had yet."""

    def __init__(
        self, vocabulary: Vocabulary, assortment: Assortment, share: float, new_item_events: int, most_per_category: int
    ) -> None:
        """An item is new with fewer than `new_item_events` events; `share` is the chance that a list explores."""
        self._vocabulary = vocabulary
        self._assortment = assortment
        self._share = float(share)
        self._new_item_events = new_item_events
        self._most_per_category = most_per_category

    def explore(
        self, knowledge: Knowledge, shard: ProfileShard, users: Int32s, ranked: Ranked, left_out: Collection[int]
    ) -> dict[int, Explored]:
        """By number of the list, the new items at the ends of the users' lists; `ranked` loses what stood there.

        Lists that are `left_out` stay as they are, and those whose last place somebody pinned.

        The new item takes the last place of a full list, and the place after the last item of a shorter one.
        """
        if self._share <= 0:
            return {}
        shelf = self._assortment.by_row()
        rows = self._new_rows(knowledge, shelf)
        pool = np.concatenate([self._assortment.unmet.hashes, self._vocabulary.hashes[rows]])
        explored = {}
        for index, place in self._draw(shard, users, pool):
            if index in left_out or ranked.items[index, -1] in shelf.pinned:
                continue
            item = self._id_of(place, rows)
            rejected = shard.profiles.rejected[users[index]]
            if self._vocabulary.row(item) not in rejected[rejected >= 0] and self._fits(
                item, ranked.items[index], shelf
            ):
                end = min(int(np.count_nonzero(ranked.items[index] >= 0)), ranked.items.shape[1] - 1)
                ranked.items[index, end:] = -1
                explored[index] = Explored(item, self._share / len(pool))
        return explored

    def _new_rows(self, knowledge: Knowledge, shelf: Shelf) -> Int64s:
        new = knowledge.events < self._new_item_events
        return np.flatnonzero((self._vocabulary.hashes != 0) & new & shelf.shown)

    def _id_of(self, place: int, rows: Int64s) -> str:
        """The item at a place of the pool: the unmet ones come first."""
        unmet = self._assortment.unmet
        behind = place - len(unmet.hashes)
        return unmet.id_of(place) if behind < 0 else self._vocabulary.id_of(int(rows[behind]))

    def _draw(self, shard: ProfileShard, users: Int32s, pool: UInt64s) -> list[tuple[int, int]]:
        """Number of the list and place in the pool, for each list that explores."""
        drawn = np.full(len(users), -1, np.int64)
        if len(pool):
            rows = np.require(users, np.int32, ["C", "W"])
            draw_new_items(shard.seen, shard.users.hashes, shard.profiles.events, rows, pool, self._share, drawn)
        lists = np.flatnonzero(drawn >= 0)
        return list(zip(lists.tolist(), drawn[lists].tolist(), strict=True))

    def _fits(self, item: str, list_rows: Int32s, shelf: Shelf) -> bool:
        """Whether the list neither holds the item already, nor as many of its category as it may."""
        listed = list_rows[list_rows >= 0]
        if self._vocabulary.row(item) in listed:
            return False
        category = self._assortment.category(item)
        if category < 0 or not self._most_per_category:
            return True
        kept = listed[: len(list_rows) - 1]
        return int(np.count_nonzero(shelf.categories[kept] == category)) < self._most_per_category


@kernel
def draw_new_items(
    seen: SeenFilter, user_hashes: UInt64s, events: Int64s, users: Int32s, pool: UInt64s, share: float, drawn: Int64s
) -> None:
    """For each of `users` (m,) a place in `pool` (n,), hashes of items; -1, as before, where none is drawn."""
    for index in range(len(users)):
        user = users[index]
        draw = pair_hash(user_hashes[user] ^ _SALT, np.uint64(events[user]))
        if np.float64(draw >> np.uint64(11)) * 2.0**-53 < share:
            place = np.int64(pair_hash(draw, _SALT) % np.uint64(len(pool)))
            if not has_seen(seen, pair_hash(user_hashes[user], pool[place])):
                drawn[index] = place
