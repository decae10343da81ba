"""Beyond accuracy: how the lists that were shown spread over the catalogue.

All functions take counts by item, (items,) int64 over the same rows: how often an item stood among the first k of a
list, and how many events it had in the whole stream. An item without events is not in the catalogue.
"""

import numpy as np

from models.batch import Float64s, Int64s


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
    ascending = np.sort(shown[events > 0]).astype(np.float64)
    items, total = len(ascending), ascending.sum()
    if total == 0:
        return float("nan")
    return float((2 * np.arange(1, items + 1) - items - 1) @ ascending / (items * total))


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
