"""The assortment: which items may stand in lists, of what category they are, and what people decided about them.

The catalogue and people speak of ids, known or not; kernels ask by row.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from models.batch import Bools, Float32s, Int32s, UInt64s
from models.interventions import NO_INTERVENTIONS, Interventions
from models.tables import size_bytes
from models.unmet import Unmet
from models.vocabulary import Vocabulary, stable_hash

NO_CATEGORY = -1


class Shelf(NamedTuple):
    """What rules say of n rows.

    Attributes:
        shown: (n,) bool, the item may stand in lists.
        categories: (n,) int32, number of its category; -1 = none known, or nobody asks.
        lifts: (n,) float32, what is added to its score; (0,) = no item is lifted.
        pinned: (p,) int32, rows of the pinned items that have one, by place.
        pinned_at: (p,) int32, beside it, their places from 0.
    """

    shown: Bools
    categories: Int32s
    lifts: Float32s
    pinned: Int32s
    pinned_at: Int32s

    @classmethod
    def empty(cls) -> "Shelf":
        """Without any row."""
        nothing = np.zeros(0, np.int32)
        return cls(np.zeros(0, np.bool_), nothing, np.zeros(0, np.float32), nothing, nothing)


class Assortment:
    """Remembers what was said of ids, and what that means for the rows of a vocabulary.

    Attributes:
        unmet: the listed items that have no row; empty unless asked for.
    """

    def __init__(
        self, vocabulary: Vocabulary, *, unlisted_shown: bool = True, categories: bool = False, unmet: bool = False
    ) -> None:
        """Of items of which nothing was said, `unlisted_shown` tells whether they are shown."""
        self.unmet = Unmet(vocabulary)
        self._vocabulary = vocabulary
        self._unlisted_shown = unlisted_shown
        self._keeps_categories = categories
        self._keeps_unmet = unmet
        self._others: set[str] = set()  # ids of which the opposite of `unlisted_shown` holds
        self._categories: dict[str, int] = {}
        self._numbers: dict[str, int] = {}
        self._interventions = NO_INTERVENTIONS
        self._own: dict[int, Interventions] = {}
        self._own_hashes: UInt64s = np.zeros(0, np.uint64)
        self._shelf = Shelf.empty()
        self._hashes: UInt64s = np.zeros(0, np.uint64)  # the ids that `_shelf` is about
        self._looks_at_all = False

    def set(self, item: str, *, shown: bool, category: str = "") -> None:
        """Lets an item into lists, or keeps it out."""
        if shown == self._unlisted_shown:
            self._others.discard(item)
        else:
            self._others.add(item)
        if self._keeps_categories:
            self._set_category(item, category)
        if self._keeps_unmet:
            self.unmet.note(item, shown=shown)
        row = self._vocabulary.row(item)
        if 0 <= row < len(self._hashes):
            self._look_at(row)
        else:
            self._looks_at_all = True  # it may come back to the row that it had

    def intervene(self, everyone: Interventions, own: Mapping[str, Interventions]) -> None:
        """From now on this holds for all lists, and for those of some users, by id; nothing that was decided before."""
        before, self._interventions = self._interventions, everyone
        self._own = {stable_hash(user): interventions for user, interventions in own.items()}
        self._own_hashes = np.fromiter(self._own, np.uint64, len(self._own))
        self.unmet.hide(everyone.blocked)
        self._shelf = self._shelf._replace(lifts=np.zeros(len(self._hashes) if everyone.lifts else 0, np.float32))
        changed = before.blocked ^ everyone.blocked | everyone.lifts.keys()
        rows = [row for row in map(self._vocabulary.row, changed) if 0 <= row < len(self._hashes)]
        for row in rows:
            self._look_at(row)
        self._shelf = self._with_pins(self._shelf, everyone.pins)
        self._looks_at_all |= len(rows) < len(changed)  # one without a row may come back to the row that it had

    def is_shown(self, item: str) -> bool:
        """Whether the item may stand in lists."""
        return item not in self._interventions.blocked and (item in self._others) != self._unlisted_shown

    def category(self, item: str) -> int:
        """The number of the item's category, or -1."""
        return self._categories.get(item, NO_CATEGORY)

    def by_row(self) -> Shelf:
        """What holds for each row, up to the vocabulary's capacity; costs something only for rows with another id."""
        hashes = self._vocabulary.hashes
        if len(self._hashes) < len(hashes):
            self._grow(len(hashes))
        changed = np.flatnonzero(self._hashes != hashes)
        if self._keeps_unmet:
            self.unmet.settle({*self._hashes[changed].tolist(), *hashes[changed].tolist()})
        for row in range(len(hashes)) if self._looks_at_all else changed.tolist():
            self._look_at(row)
        if len(changed):
            self._shelf = self._with_pins(self._shelf, self._interventions.pins)
        self._looks_at_all = False
        self._hashes[:] = hashes
        return self._shelf

    def own_shelves(self, user_hashes: UInt64s) -> list[int]:
        """Which of these users have a shelf of their own."""
        found: list[int] = np.flatnonzero(np.isin(user_hashes, self._own_hashes)).tolist() if self._own else []
        return found

    def shelf_of(self, user_hash: np.uint64) -> Shelf:
        """What holds for each row in the lists of a user about whom something was decided. A copy."""
        everyone, interventions, shelf = self._interventions, self._own[int(user_hash)], self.by_row()
        lifts = shelf.lifts.copy() if len(shelf.lifts) else np.zeros(len(shelf.shown), np.float32)
        for item, lift in interventions.lifts.items():
            lifts[self._rows_of([item])] += lift
        shown = shelf.shown.copy()
        shown[self._rows_of(interventions.blocked)] = False
        return self._with_pins(shelf._replace(shown=shown, lifts=lifts), {**everyone.pins, **interventions.pins})

    def size_bytes(self) -> int:
        """Memory of what is known by row; what was said of ids grows with the catalogue."""
        return size_bytes(self._shelf) + self._hashes.nbytes

    def _set_category(self, item: str, category: str) -> None:
        if category:
            self._categories[item] = self._numbers.setdefault(category, len(self._numbers))
        else:
            self._categories.pop(item, None)

    def _look_at(self, row: int) -> None:
        item = self._vocabulary.holder(row)
        if item is not None:
            self._shelf.shown[row] = self.is_shown(item)
            self._shelf.categories[row] = self.category(item)
            if len(self._shelf.lifts):
                self._shelf.lifts[row] = self._interventions.lifts.get(item, 0.0)

    def _with_pins(self, shelf: Shelf, pins: Mapping[str, int]) -> Shelf:
        places = sorted((place - 1, self._vocabulary.row(item)) for item, place in pins.items())
        known = np.array([pin for pin in places if pin[1] >= 0], np.int32).reshape(-1, 2)
        return shelf._replace(pinned=known[:, 1].copy(), pinned_at=known[:, 0].copy())

    def _rows_of(self, items: Iterable[str]) -> Int32s:
        return np.array([row for row in map(self._vocabulary.row, items) if row >= 0], np.int32)

    def _grow(self, rows: int) -> None:
        more = rows - len(self._hashes)
        self._shelf = self._shelf._replace(
            shown=np.append(self._shelf.shown, np.ones(more, np.bool_)),
            categories=np.append(self._shelf.categories, np.full(more, NO_CATEGORY, np.int32)),
            lifts=np.append(self._shelf.lifts, np.zeros(more if self._interventions.lifts else 0, np.float32)),
        )
        self._hashes = np.append(self._hashes, np.zeros(more, np.uint64))
