"""The popular list, and popular items that fill up lists of which the rules take nearly everything."""

import numpy as np

from models.assortment import Shelf
from models.batch import Int32s
from models.diversity import Diversity, DiversityScratch, is_diverse, pick_diverse
from models.experts.popularity import TOP_ITEMS, Popularity
from models.experts.vectors import Vectors


def popular_rows(popularity: Popularity, shelf: Shelf) -> Int32s:
    """Rows of the up to 100 items that are most popular over the long run among those shown, best first."""
    if not hides_most(popularity, shelf):
        known = _top(popularity)
        return _lifted(known[shelf.shown[known]], popularity, shelf)
    counts = np.where(shelf.shown, popularity.counts[-1], 0.0)
    rows = np.argsort(-counts, kind="stable")[:TOP_ITEMS]
    return _lifted(rows[counts[rows] > 0].astype(np.int32), popularity, shelf)


def _lifted(rows: Int32s, popularity: Popularity, shelf: Shelf) -> Int32s:
    """In another order, where people lifted some."""
    if not len(shelf.lifts):
        return rows
    return rows[np.argsort(-np.log(popularity.counts[-1, rows]) - shelf.lifts[rows], kind="stable")]


def fillers(popularity: Popularity, shelf: Shelf) -> Int32s:
    """Popular items that are shown, where experts propose too few of them; else none."""
    return popular_rows(popularity, shelf) if hides_most(popularity, shelf) else np.zeros(0, np.int32)


def hides_most(popularity: Popularity, shelf: Shelf) -> bool:
    """Whether more than half of the top hundred may not be shown."""
    known = _top(popularity)
    return 2 * int(np.count_nonzero(shelf.shown[known])) < len(known)


def diverse_rows(
    shelf: Shelf, rule: Diversity, popularity: Popularity, vectors: Vectors, size: int, scratch: DiversityScratch
) -> Int32s:
    """Up to `size` of the popular rows, best first, as the rule has it."""
    rows = popular_rows(popularity, shelf)
    if not is_diverse(rule):
        return rows[:size]
    scratch.rows[: len(rows)] = rows
    lifts = shelf.lifts[rows] if len(shelf.lifts) else 0.0
    scratch.relevance[: len(rows)] = np.log(popularity.counts[-1, rows]) + lifts
    length = pick_diverse(rule, vectors.outputs, shelf.categories, len(rows), size, scratch)
    return rows[scratch.picked[:length]]


def _top(popularity: Popularity) -> Int32s:
    slow: Int32s = popularity.top[-1]
    return slow[slow >= 0]
