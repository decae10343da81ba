"""Figures by groups of events: by what the user's history, the item's age or the kind of event is."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from models.accuracy import gains
from models.batch import Bools, Float32s, Int64s

HISTORY_EVENTS = (0, 1, 2, 4, 9, 31)
ITEM_AGE_EVENTS = (0, 10, 100, 1_000, 10_000, 100_000)
ITEM_EVENTS = (0, 1, 2, 3, 10, 100, 1_000)


class Groups(NamedTuple):
    """Which of the named groups each of n events belongs to.

    Attributes:
        names: g names.
        members: (n,) int64, places in `names`.
    """

    names: tuple[str, ...]
    members: Int64s

    def of(self, chosen: Bools) -> "Groups":
        """The same groups over some of the events; a group may become empty."""
        return Groups(self.names, self.members[chosen])


def grouped_metrics(ranks: Float32s, groups: Groups) -> dict[str, dict[str, float]]:
    """For each group how many of the (n,) ranks are its own, as `scored`, and their figures; nan in an empty one."""
    sizes = np.bincount(groups.members, minlength=len(groups.names))
    means = {
        name: np.divide(
            np.bincount(groups.members, column, len(groups.names)), sizes, np.full(len(sizes), np.nan), where=sizes > 0
        ).tolist()
        for name, column in gains(ranks).items()
    }
    return {
        group: {"scored": int(sizes[place]), **{name: values[place] for name, values in means.items()}}
        for place, group in enumerate(groups.names)
    }


def by_history(history: Int64s) -> Groups:
    """By the (n,) numbers of events that the users had before."""
    return _by_range(history, HISTORY_EVENTS)


def by_item_age(items: Iterable[Hashable]) -> Groups:
    """By how many events of the stream ago the item first came; `items` are those of the whole stream, in order."""
    first: dict[Hashable, int] = {}
    ages = [place - first.setdefault(item, place) for place, item in enumerate(items)]
    return _by_range(np.array(ages, np.int64), ITEM_AGE_EVENTS)


def by_item_events(items: Iterable[Hashable]) -> Groups:
    """By how many events of the stream the item had before; `items` are those of the whole stream, in order."""
    return _by_range(events_before(items), ITEM_EVENTS)


def events_before(items: Iterable[Hashable]) -> Int64s:
    """(n,): how many of the events before were of the same item."""
    counts: Counter[Hashable] = Counter()
    before = []
    for item in items:
        before.append(counts[item])
        counts[item] += 1
    return np.array(before, np.int64)


def by_kind(kinds: Sequence[str]) -> Groups:
    """By the kinds of the events, in alphabetical order."""
    places = {kind: place for place, kind in enumerate(sorted(set(kinds)))}
    return Groups(tuple(places), np.fromiter(map(places.__getitem__, kinds), np.int64, len(kinds)))


def _by_range(values: Int64s, starts: tuple[int, ...]) -> Groups:
    """By the ranges that begin at `starts`, the last without end; no value lies below the first."""
    bounded = (str(low) if low + 1 == high else f"{low}-{high - 1}" for low, high in pairwise(starts))
    return Groups((*bounded, f"{starts[-1]}+"), np.searchsorted(starts, values, side="right") - 1)
