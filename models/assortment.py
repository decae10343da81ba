"""The assortment: which items may stand in lists, and of what category they are.

The catalogue speaks of ids, known or not; kernels ask by row.
"""

from typing import NamedTuple

import numpy as np

from models.batch import Bools, Int32s, UInt64s
from models.tables import size_bytes
from models.unmet import Unmet
from models.vocabulary import Vocabulary

NO_CATEGORY = -1


class Shelf(NamedTuple):
    """What rules say of n rows.

    Attributes:
        shown: (n,) bool, the item may stand in lists.
        categories: (n,) int32, number of its category; -1 = none known, or nobody asks.
    """

    shown: Bools
    categories: Int32s


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
        self._shelf = Shelf(np.zeros(0, np.bool_), np.zeros(0, np.int32))
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

    def is_shown(self, item: str) -> bool:
        """Whether the item may stand in lists."""
        return (item in self._others) != self._unlisted_shown

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
        self._looks_at_all = False
        self._hashes[:] = hashes
        return self._shelf

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

    def _grow(self, rows: int) -> None:
        more = rows - len(self._hashes)
        self._shelf = Shelf(
            np.append(self._shelf.shown, np.ones(more, np.bool_)),
            np.append(self._shelf.categories, np.full(more, NO_CATEGORY, np.int32)),
        )
        self._hashes = np.append(self._hashes, np.zeros(more, np.uint64))
