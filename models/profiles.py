"""ProfileShard's arrays: what is known of each user of one partition."""

from typing import NamedTuple

import numpy as np

from models.batch import Int32s, Int64s
from models.compiled import inlined

HISTORY_EVENTS = 32
PUBLISHED_ITEMS = 20
NOBODY = -1


class Profiles(NamedTuple):
    """State of u users, a row each.

    Attributes:
        items: (u, 32) int32, ring of the rows of the last items; -1 = none, or forgotten since.
        times_ms: (u, 32) int64, when, beside `items`.
        events: (u,) int64, events learned of the user; the ring's head is `events % 32`.
        last_event: (u,) int64, the shard's event count at the user's last event: who is away longest goes first.
        published: (u, 20) int32, item rows of the list that stands published, best first; -1 = the list
            is shorter, -2 = the item was forgotten since.
        clock: (1,) int64, events of this shard.
    """

    items: Int32s
    times_ms: Int64s
    events: Int64s
    last_event: Int64s
    published: Int32s
    clock: Int64s

    @classmethod
    def empty(cls, users: int) -> "Profiles":
        """Room for `users` users of whom nothing is known."""
        return cls(
            items=np.full((users, HISTORY_EVENTS), NOBODY, np.int32),
            times_ms=np.zeros((users, HISTORY_EVENTS), np.int64),
            events=np.zeros(users, np.int64),
            last_event=np.zeros(users, np.int64),
            published=np.full((users, PUBLISHED_ITEMS), NOBODY, np.int32),
            clock=np.zeros(1, np.int64),
        )


@inlined
def remembered(profiles: Profiles, user: int) -> int:
    """How many of the user's last events the ring holds."""
    return min(int(profiles.events[user]), HISTORY_EVENTS)


@inlined
def item_back(profiles: Profiles, user: int, back: int) -> int:
    """Row of the user's item `back` events ago (0 = last); -1 when it was forgotten."""
    return int(profiles.items[user, (profiles.events[user] - 1 - back) % HISTORY_EVENTS])


@inlined
def time_back(profiles: Profiles, user: int, back: int) -> int:
    """When the event `back` events ago happened, UTC ms."""
    return int(profiles.times_ms[user, (profiles.events[user] - 1 - back) % HISTORY_EVENTS])


@inlined
def basket_size(profiles: Profiles, user: int) -> int:
    """How many of the last events share the last one's time stamp, as the lines of an order do."""
    size = 0
    for back in range(remembered(profiles, user)):
        if time_back(profiles, user, back) != time_back(profiles, user, 0):
            break
        size += 1
    return size


@inlined
def append_event(profiles: Profiles, user: int, item: int, time_ms: int) -> None:
    """The user did something with `item`."""
    head = profiles.events[user] % HISTORY_EVENTS
    profiles.items[user, head] = item
    profiles.times_ms[user, head] = time_ms
    profiles.events[user] += 1
    profiles.clock[0] += 1
    profiles.last_event[user] = profiles.clock[0]


@inlined
def place_in(row: Int32s, item: int) -> int:
    """Place of `item` in a list of item rows, from 1; 0 = not in it."""
    for place in range(len(row)):
        if row[place] == item:
            return place + 1
    return 0
