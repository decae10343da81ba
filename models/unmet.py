"""Unmet items: shown by the catalogue, but without a row, since nobody has had them yet or it was long ago."""

import numpy as np

from models.batch import UInt64s
from models.vocabulary import Vocabulary, stable_hash


class Unmet:
    """Unmet items in the order of their hashes, so that it does not matter when each was listed.

    Attributes:
        hashes: (n,) uint64, ascending, `stable_hash` of the items' ids.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.hashes: UInt64s = np.zeros(0, np.uint64)
        self._vocabulary = vocabulary
        self._listed: dict[int, str] = {}
        self._hidden: frozenset[str] = frozenset()
        self._unsettled: set[int] = set()

    def note(self, item: str, *, shown: bool) -> None:
        """Counts the item among those that the catalogue shows, or takes it out."""
        key = stable_hash(item)
        if shown:
            self._listed[key] = item
        else:
            self._listed.pop(key, None)
        self._unsettled.add(key)

    def hide(self, items: frozenset[str]) -> None:
        """These are not counted among them, whatever the catalogue shows; others are again."""
        self._unsettled |= {stable_hash(item) for item in self._hidden ^ items}
        self._hidden = items

    def settle(self, changed: set[int]) -> None:
        """Brings `hashes` up to date with what was set, and with rows that were given or taken: their ids' hashes."""
        keys = self._unsettled | changed
        if not keys:
            return
        unmet = {key for key in keys if self._is_unmet(self._listed.get(key))}
        others = self.hashes[~np.isin(self.hashes, _array(keys - unmet))]
        self.hashes = np.union1d(others, _array(unmet))
        self._unsettled.clear()

    def _is_unmet(self, item: str | None) -> bool:
        return item is not None and item not in self._hidden and self._vocabulary.row(item) < 0

    def id_of(self, place: int) -> str:
        """The item at a place of `hashes`."""
        return self._listed[int(self.hashes[place])]


def _array(keys: set[int]) -> UInt64s:
    return np.fromiter(keys, np.uint64, len(keys))
