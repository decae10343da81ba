"""Events as histories: whose they are, which train and which are held out, and what stood before an event."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

import numpy as np

from models.batch import Bools, Float32s, Int8s, Int64s, Interactions
from models.policies import ENOUGH_EVENTS, REPEAT_SHARE

TRAIN, VALIDATION, TEST = range(3)


class Histories(NamedTuple):
    """n events, by user, each user's in the stream's order.

    Attributes:
        items: (n,) int64, rows of the items; those that training meets come first.
        users: (n,) int64, rows of the users, ascending.
        starts: (users + 1,) int64, where each user's events begin.
        parts: (n,) int8, TRAIN, VALIDATION or TEST.
        item_ids: names of the items that training meets, by row; rows beyond are items that it never sees.
        user_ids: names of the users by row.
        kinds: (n,) int64, rows of the kinds of event.
        kind_names: names of the kinds by row.
        values: (n,) float32, what the events state, a rating for one; NaN = nothing.
    """

    items: Int64s
    users: Int64s
    starts: Int64s
    parts: Int8s
    item_ids: list[str]
    user_ids: list[str]
    kinds: Int64s
    kind_names: list[str]
    values: Float32s

    @property
    def seen_excluded(self) -> bool:
        """Whether users hardly ever take an item again: under 0.2 % of 200 events or more that have a history."""
        pairs = self.users * (int(self.items.max(initial=0)) + 1) + self.items  # (n,)
        with_history = len(pairs) - len(self.user_ids)
        return bool(with_history > ENOUGH_EVENTS and len(pairs) - len(np.unique(pairs)) < REPEAT_SHARE * with_history)

    @property
    def training_events(self) -> int:
        """How many events train."""
        return int((self.parts == TRAIN).sum())

    def with_history(self, part: int) -> Int64s:
        """(h,): places of the events of a part that have a history."""
        return np.flatnonzero((self.parts == part) & (np.arange(len(self.items)) > self.starts[self.users]))


def by_time(stream: Interactions, validation_share: float, test_share: float) -> Int8s:
    """(n,): the last events of the stream test, those before them validate."""
    parts = np.zeros(len(stream), np.int8)
    test = round(len(stream) * test_share)
    validation = round(len(stream) * validation_share)
    parts[len(stream) - test - validation :] = VALIDATION
    parts[len(stream) - test :] = TEST
    return parts


def leave_one_out(stream: Interactions) -> Int8s:
    """(n,): each user's last event tests and the last but one validates; users with less than three train only."""
    parts = np.zeros(len(stream), np.int8)
    users = np.unique(np.asarray(stream.users), return_inverse=True)[1]  # (n,)
    order = np.argsort(users, kind="stable")  # (n,)
    ends = np.cumsum(np.bincount(users)) - 1  # (users,)
    long = np.bincount(users) >= 3
    parts[order[ends[long]]] = TEST
    parts[order[ends[long] - 1]] = VALIDATION
    return parts


def by_users(stream: Interactions, test_users: Collection[str], validation_share: float) -> Int8s:
    """(n,): all events of these users test; of the others' the last ones of the stream validate."""
    tests = np.fromiter(map(test_users.__contains__, stream.users), np.bool_, len(stream))
    parts = np.zeros(len(stream), np.int8)
    others = np.flatnonzero(~tests)
    parts[others[len(others) - round(len(others) * validation_share) :]] = VALIDATION
    parts[tests] = TEST
    return parts


def histories_of(stream: Interactions, parts: Int8s) -> Histories:
    """The events by user. Rows of users and items follow from names and parts alone."""
    user_ids, users = np.unique(np.asarray(stream.users), return_inverse=True)
    items, item_ids = _item_rows(np.asarray(stream.items), parts == TRAIN)
    kind_names, kinds = np.unique(np.asarray(stream.kinds or [""] * len(stream)), return_inverse=True)
    values = np.full(len(stream), np.nan) if stream.values is None else stream.values
    order = np.argsort(users, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(users, minlength=len(user_ids)))])
    return Histories(
        items[order],
        users[order],
        starts,
        parts[order],
        item_ids,
        user_ids.tolist(),
        kinds[order],
        kind_names.tolist(),
        values[order].astype(np.float32),
    )


def _item_rows(names: np.ndarray, trains: Bools) -> tuple[Int64s, list[str]]:
    known = np.unique(names[trains])
    ids, places = np.unique(names, return_inverse=True)
    is_known = np.isin(ids, known)
    rows = np.empty(len(ids), np.int64)
    rows[is_known] = np.arange(is_known.sum())
    rows[~is_known] = is_known.sum() + np.arange((~is_known).sum())
    return rows[places], known.tolist()


def windows(histories: Histories, length: int) -> Int64s:
    """(w, length + 1): places of training events, newest first, -1 = none; every event but a user's first is a target.

    A user's events are cut from the newest on; a window's oldest is the next one's target.
    """
    rows: list[Int64s] = []
    for start, stop in zip(histories.starts[:-1], histories.starts[1:], strict=True):
        places = start + np.flatnonzero(histories.parts[start:stop] == TRAIN)
        for end in range(len(places), 1, -length):
            window = np.full(length + 1, -1)
            newest_first = places[max(end - length - 1, 0) : end][::-1]
            window[: len(newest_first)] = newest_first
            rows.append(window)
    return np.array(rows, np.int64).reshape(-1, length + 1)


def before(histories: Histories, places: Int64s, length: int) -> Int64s:
    """(b, length): rows of the items before the events at these places, newest first, -1 = none or never trained."""
    back = places_before(histories, places, length)  # (b, length)
    items = histories.items[np.maximum(back, 0)]  # (b, length)
    return np.where((back >= 0) & (items < len(histories.item_ids)), items, -1)


def places_before(histories: Histories, places: Int64s, length: int) -> Int64s:
    """(b, length): places of the user's events before those at these places, newest first, -1 = none."""
    back = places[:, None] - 1 - np.arange(length)  # (b, length)
    return np.where(back >= histories.starts[histories.users[places]][:, None], back, -1)


def had(histories: Histories, places: Int64s) -> tuple[Int64s, Int64s]:
    """Two times (p,): which of the b places, and the row of an item that its user had before, of those trained."""
    counts = places - histories.starts[histories.users[places]]  # (b,)
    rows = np.repeat(np.arange(len(places)), counts)  # (p,)
    offsets = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)  # (p,)
    items = histories.items[places[rows] - counts[rows] + offsets]  # (p,)
    trained = items < len(histories.item_ids)
    return rows[trained], items[trained]


def batches(count: int, size: int, order: Int64s | None = None) -> Iterator[Int64s]:
    """Numbers from 0 to below `count`, or `order`, in parts of `size`."""
    numbers = np.arange(count) if order is None else order
    for start in range(0, count, size):
        yield numbers[start : start + size]
