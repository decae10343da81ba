"""Bounded rows of counted neighbours: what goes with each item, and how often."""

from typing import NamedTuple

import numpy as np

from models.batch import Float32s, Int32s
from models.compiled import allocating_kernel

WIDTH = 128


class Rows(NamedTuple):
    """For each of n items up to 128 others.

    Attributes:
        items: (n, 128) int32, rows of the others; -1 = free.
        counts: (n, 128) float32, 0 where free.
    """

    items: Int32s
    counts: Float32s

    @classmethod
    def empty(cls, items: int) -> "Rows":
        """Nothing goes with anything yet."""
        return cls(np.full((items, WIDTH), -1, np.int32), np.zeros((items, WIDTH), np.float32))


@allocating_kernel
def add(rows: Rows, item: int, other: int, amount: float) -> None:
    """Counts `other` in the row of `item`; new in a full row, it takes the place of the one that counts least."""
    others, counts = rows.items[item], rows.counts[item]
    place = -1
    for here in range(len(others)):
        place = here if others[here] == other else place
    if place < 0:
        place = _lightest(counts)
        others[place] = other
        counts[place] = 0.0
    counts[place] += amount


@allocating_kernel
def _lightest(counts: Float32s) -> int:
    least = counts[0]
    for count in counts:
        least = min(least, count)
    place = 0
    for here in range(len(counts)):
        place = here if counts[here] == least else place
    return place
