"""A stream as rows, laid out so that each event's past is a slice, and the rank of an event's item within it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from models.batch import Float32s, Int32s, Int64s, Interactions
from models.compiled import allocating_kernel

LEFT_OUT = np.float32(-3e38)  # below all scores; kernels must not compute with infinity


class Stream(NamedTuple):
    """n events in order; users and items are rows, numbered as they first come.

    Attributes:
        places: (n,) int64, where in the batch the events stand; those without weight are not among them.
        users: (n,) int32.
        items: (n,) int32.
        known: (n,) int32, how many items came before: rows 0 to known - 1.
        positions: (n,) int32, how many events of its user came before.
        timelines: (n,) int32, the items again, user by user, each user's in order.
        begins: (users,) int64, where each user's part of `timelines` begins.
        item_count: items in the whole stream.
        seen_excluded: whether items that a user had are left out of what is ranked for them.
    """

    places: Int64s
    users: Int32s
    items: Int32s
    known: Int32s
    positions: Int32s
    timelines: Int32s
    begins: Int64s
    item_count: int
    seen_excluded: bool

    @classmethod
    def of(cls, batch: Interactions, *, seen_excluded: bool) -> "Stream":
        """The events of a batch that have something to teach."""
        places = np.flatnonzero(batch.weights > 0)
        users, items = _rows(batch.users, places), _rows(batch.items, places)
        order = np.argsort(users, kind="stable")
        begins = np.searchsorted(users[order], np.arange(users.max(initial=-1) + 1))
        positions = np.empty(len(users), np.int32)
        positions[order] = np.arange(len(users)) - begins[users[order]]
        highest = np.maximum.accumulate(np.concatenate([[-1], items]))
        return cls(
            places,
            users,
            items,
            known=(highest[:-1] + 1).astype(np.int32),
            positions=positions,
            timelines=items[order],
            begins=begins.astype(np.int64),
            item_count=int(highest[-1]) + 1,
            seen_excluded=seen_excluded,
        )


def _rows(ids: Sequence[str], places: Int64s) -> Int32s:
    rows: dict[str, int] = {}
    return np.fromiter((rows.setdefault(ids[place], len(rows)) for place in places.tolist()), np.int32, len(places))


@allocating_kernel
def is_known(stream: Stream, index: int) -> bool:
    """Whether the event's item came before."""
    return bool(stream.items[index] < stream.known[index])


@allocating_kernel
def past_items(stream: Stream, index: int) -> Int32s:
    """Items of the user's events before this one, oldest first."""
    begin = stream.begins[stream.users[index]]
    return stream.timelines[begin : begin + stream.positions[index]]


@allocating_kernel
def holds(items: Int32s, wanted: int) -> bool:
    """Whether an item is among some."""
    found = False
    for item in items:  # without a way out, so that it takes vector steps
        found |= item == wanted
    return bool(found)


@allocating_kernel
def note_rank(stream: Stream, index: int, scores: Float32s, ranks: Float32s) -> None:
    """Writes the rank of the event's item, from 1, among all that came before; ties count half.

    Nothing is written when the item itself is left out. Overwrites the scores of items that are left out.
    """
    if stream.seen_excluded:
        for own in past_items(stream, index):
            scores[own] = LEFT_OUT
    target = scores[stream.items[index]]
    if target <= LEFT_OUT:
        return
    higher, equal = 0, -1
    for score in scores[: stream.known[index]]:
        higher += score > target
        equal += score == target
    ranks[index] = 1.0 + higher + 0.5 * equal
