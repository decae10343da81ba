"""Beyond accuracy: how the lists that were shown spread over the catalogue.

All functions but `shown_counts` take counts by item, (items,) int64 over the same rows: how often an item stood among
the first k of a list, and how many events it had in the whole stream. An item without events is not in the catalogue.
"""

from collections.abc import Sequence

import numpy as np

from models.batch import Float64s, Int32s, Int64s

HEAD_SHARE = 0.01
MOST_COUNTED_LISTS = 50_000


def exposure_metrics(shown_at_10: Int64s, shown_at_20: Int64s, events: Int64s) -> dict[str, float]:
    """Coverage at 10 and 20; at 20 the Gini index, the mean popularity rank and the novelty of what was shown."""
    return {
        "coverage_at_10": coverage(shown_at_10, events),
        "coverage_at_20": coverage(shown_at_20, events),
        "gini_at_20": gini(shown_at_20, events),
        "popularity_rank_at_20": mean_popularity_rank(shown_at_20, events),
        "novelty_at_20": novelty(shown_at_20, events),
    }


def coverage(shown: Int64s, events: Int64s) -> float:
    """Share of the catalogue that was shown at least once; nan without a catalogue."""
    catalogue = events > 0
    return float(np.mean(shown[catalogue] > 0)) if catalogue.any() else float("nan")


def gini(shown: Int64s, events: Int64s) -> float:
    """Gini index of exposure over the catalogue: 0 = all items shown equally often, near 1 = one item alone."""
    catalogue = shown[events > 0]
    ascending = np.sort(catalogue[catalogue > 0]).astype(np.float64)  # those never shown come first, and add nothing
    items, total = len(catalogue), ascending.sum()
    if total == 0:
        return float("nan")
    return float((2 * np.arange(items - len(ascending) + 1, items + 1) - items - 1) @ ascending / (items * total))


def head_share(shown: Int64s, events: Int64s, head: float = HEAD_SHARE) -> float:
    """Share of all places shown that the most shown items take, so large a share of the catalogue, one at least."""
    catalogue = shown[events > 0]
    total = catalogue.sum()
    if total == 0:
        return float("nan")
    items = max(1, round(head * len(catalogue)))
    return float(np.partition(catalogue, len(catalogue) - items)[-items:].sum() / total)


def shown_counts(published: Sequence[Int32s], rows: int) -> tuple[Int64s, int]:
    """How often lists show each of so many item rows: (rows,), and how many lists that are.

    `published` are (u, k) such rows, below 0 = no item; a list begins with -1 where there is none.

    Of very many lists every second counts, or every third, and so on: the time that this takes is bounded. Coverage is
    then a little less than it would be.
    """
    every = -(-sum(map(len, published)) // MOST_COUNTED_LISTS) or 1
    counted = [lists[::every] for lists in published]
    items = np.concatenate([lists.ravel() for lists in counted]) if counted else np.empty(0, np.int32)
    shown = np.bincount(np.maximum(items, -1) + 1, minlength=rows + 1)[1:]
    return shown, sum(int(np.count_nonzero(lists[:, 0] != -1)) for lists in counted)


def mean_popularity_rank(shown: Int64s, events: Int64s) -> float:
    """Mean over all places shown of the item's rank by events, from 1 = most; ties half. nan where none was shown."""
    descending = np.sort(-events)
    above, not_below = np.searchsorted(descending, -events, "left"), np.searchsorted(descending, -events, "right")
    return _mean_over_shown((above + not_below + 1) / 2, shown, events)


def novelty(shown: Int64s, events: Int64s) -> float:
    """Mean over all places shown of -log2 of the item's share of all events, in bits (after Zhou et al. 2010)."""
    shares = np.maximum(events, 1) / max(1, int(events.sum()))
    return _mean_over_shown(-np.log2(shares), shown, events)


def _mean_over_shown(values: Float64s, shown: Int64s, events: Int64s) -> float:
    places = np.where(events > 0, shown, 0)
    return float(values @ places / places.sum()) if places.any() else float("nan")
