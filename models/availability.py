"""Availability: which items may stand in lists. The catalogue speaks of ids, known or not; kernels ask by row."""

import numpy as np

from models.batch import Bools, UInt64s
from models.vocabulary import Vocabulary


class Availability:
    """Remembers the ids of items that cannot be had, and what that means for the rows of a vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._gone_ids: set[str] = set()
        self._available: Bools = np.ones(0, np.bool_)
        self._hashes: UInt64s = np.zeros(0, np.uint64)  # the ids that `_available` is about

    def set(self, item: str, *, available: bool) -> None:
        """Lets an item into lists, or keeps it out."""
        if available:
            self._gone_ids.discard(item)
        else:
            self._gone_ids.add(item)
        row = self._vocabulary.row(item)
        if 0 <= row < len(self._available):
            self._available[row] = available
        else:
            self._hashes = np.zeros(0, np.uint64)  # it may come back to the row that it had: look at all again

    def by_row(self) -> Bools:
        """(capacity,) whether the item of each row can be had; costs something only for rows with another id."""
        hashes = self._vocabulary.hashes
        if len(self._hashes) != len(hashes):
            self._available, self._hashes = np.ones(len(hashes), np.bool_), np.zeros(len(hashes), np.uint64)
        for row in np.flatnonzero(self._hashes != hashes).tolist():
            self._available[row] = self._vocabulary.holder(row) not in self._gone_ids
        self._hashes[:] = hashes
        return self._available
