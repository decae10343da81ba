"""ProfileShard's arrays: what is known of each user of one partition."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.batch import Float32s, Float64s, Int32s, Int64s, UInt64s
from models.compiled import inlined
from models.lanes import bits_of, float_of

HISTORY_EVENTS = 96
STRENGTH_UNIT = 1 / 64
TASTE_WIDTH = 64
LONGEST_GAP_MS = 2**31 - 1
PUBLISHED_ITEMS = 20
REJECTED_ITEMS = 16
NOBODY = -1

Int16s = npt.NDArray[np.int16]
UInt8s = npt.NDArray[np.uint8]


class Profiles(NamedTuple):
    """State of u users, a row each.

    Attributes:
        items: (u, 96) int32, ring of the rows of the last items; -1 = none, forgotten, or rejected since.
        gaps: (u, 96) int16, beside `items`, time since the user's event before, 24.8 days at most: the upper half of
            a float32 of ms, so right to 0.4 %, and exact up to 256 ms.
        strengths: (u, 96) uint8, beside `items`, weight of the event in 64ths, 255 at most.
        last_ms: (u,) int64, when the last event was, UTC.
        events: (u,) int64, events learned of the user; the ring's head is `events % 96`.
        taste: (u, 64) float32, what the user's vector adds to those of the last items.
        taste_squares: (u,) float32, its sum of squared gradients.
        rejected: (u, 16) int32, rows of the items that the user rejected last and did not take again, newest first;
            -1 = none. What stands here stays out of the user's lists.
        last_event: (u,) int64, the shard's event count at the user's last event: who is away longest goes first.
        published: (u, 20) int32, item rows of the list that stands published, best first; -1 = the list
            is shorter, -2 = the item was forgotten since.
        explored: (u,) uint64, hash of the new item at the end of that list, which `published` leaves out; 0 = none.
        clock: (1,) int64, events of this shard.
    """

    items: Int32s
    gaps: Int16s
    strengths: UInt8s
    last_ms: Int64s
    events: Int64s
    taste: Float32s
    taste_squares: Float32s
    rejected: Int32s
    last_event: Int64s
    published: Int32s
    explored: UInt64s
    clock: Int64s

    @classmethod
    def empty(cls, users: int) -> "Profiles":
        """Room for `users` users of whom nothing is known."""
        return cls(
            items=np.full((users, HISTORY_EVENTS), NOBODY, np.int32),
            gaps=np.zeros((users, HISTORY_EVENTS), np.int16),
            strengths=np.zeros((users, HISTORY_EVENTS), np.uint8),
            last_ms=np.zeros(users, np.int64),
            events=np.zeros(users, np.int64),
            taste=np.zeros((users, TASTE_WIDTH), np.float32),
            taste_squares=np.zeros(users, np.float32),
            rejected=np.full((users, REJECTED_ITEMS), NOBODY, np.int32),
            last_event=np.zeros(users, np.int64),
            published=np.full((users, PUBLISHED_ITEMS), NOBODY, np.int32),
            explored=np.zeros(users, np.uint64),
            clock=np.zeros(1, np.int64),
        )


PER_USER = tuple(name for name in Profiles._fields if name != "clock")


@inlined
def remembered(profiles: Profiles, user: int) -> int:
    """How many of the user's last events the ring holds."""
    return min(int(profiles.events[user]), HISTORY_EVENTS)


@inlined
def item_back(profiles: Profiles, user: int, back: int) -> int:
    """Row of the user's item `back` events ago (0 = last); -1 when it was forgotten."""
    return int(profiles.items[user, (profiles.events[user] - 1 - back) % HISTORY_EVENTS])


@inlined
def gap_back(profiles: Profiles, user: int, back: int) -> int:
    """Time between the event `back` events ago and the one before it, ms, as far as it fits; negative if unordered."""
    half = np.int32(profiles.gaps[user, (profiles.events[user] - 1 - back) % HISTORY_EVENTS])
    return int(float_of(np.int32(half << 16)))


@inlined
def strength_back(profiles: Profiles, user: int, back: int) -> float:
    """Weight of the event `back` events ago, as far as it fits."""
    return float(profiles.strengths[user, (profiles.events[user] - 1 - back) % HISTORY_EVENTS] * STRENGTH_UNIT)


def last_events(profiles: Profiles, users: Int32s, most: int) -> tuple[Int32s, Float64s, Int64s]:
    """Items, weights and times (UTC ms) of the last events of m users, (m, most) each, the last first.

    The item is -1 where there are fewer, or it was forgotten or rejected.
    """
    backs = np.arange(min(most, HISTORY_EVENTS))
    events, rows = profiles.events[users][:, None], users[:, None]
    places = (events - 1 - backs) % HISTORY_EVENTS
    gaps_ms = (profiles.gaps[rows, places].astype(np.int32) << 16).view(np.float32).astype(np.int64)
    before_ms = np.cumsum(gaps_ms, axis=1) - gaps_ms
    items = np.where(backs < events, profiles.items[rows, places], np.int32(NOBODY))
    return items, profiles.strengths[rows, places] * STRENGTH_UNIT, profiles.last_ms[rows] - before_ms


@inlined
def basket_size(profiles: Profiles, user: int) -> int:
    """How many of the last events share the last one's time stamp, as the lines of an order do."""
    held = remembered(profiles, user)
    size = min(held, 1)
    while 0 < size < held and gap_back(profiles, user, size - 1) == 0:
        size += 1
    return size


@inlined
def append_event(profiles: Profiles, user: int, item: int, time_ms: int, weight: float) -> None:
    """The user took `item`, which is rejected no longer."""
    head = profiles.events[user] % HISTORY_EVENTS
    gap_ms = time_ms - profiles.last_ms[user] if profiles.events[user] > 0 else 0
    profiles.items[user, head] = item
    gap = np.float32(min(max(gap_ms, -LONGEST_GAP_MS), LONGEST_GAP_MS))
    profiles.gaps[user, head] = np.int16((bits_of(gap) + 0x8000) >> 16)
    profiles.strengths[user, head] = np.uint8(min(weight / STRENGTH_UNIT + 0.5, 255.0))
    profiles.last_ms[user] = time_ms
    profiles.events[user] += 1
    _blot_out(profiles.rejected[user], item)
    _note_presence(profiles, user)


@inlined
def reject_item(profiles: Profiles, user: int, item: int) -> None:
    """The user rejected `item`: it leaves the history, and stands first among the rejected."""
    _blot_out(profiles.items[user], item)
    rejected = profiles.rejected[user]
    _blot_out(rejected, item)
    here = place_in(rejected, NOBODY) - 1  # the newest free place; without one the oldest goes
    if here < 0:
        here = REJECTED_ITEMS - 1
    for place in range(here, 0, -1):
        rejected[place] = rejected[place - 1]
    rejected[0] = item
    _note_presence(profiles, user)


@inlined
def _blot_out(row: Int32s, item: int) -> None:
    for place in range(len(row)):
        if row[place] == item:
            row[place] = NOBODY


@inlined
def _note_presence(profiles: Profiles, user: int) -> None:
    profiles.clock[0] += 1
    profiles.last_event[user] = profiles.clock[0]


@inlined
def place_in(row: Int32s, item: int) -> int:
    """Place of `item` in a list of item rows, from 1; 0 = not in it."""
    for place in range(len(row)):
        if row[place] == item:
            return place + 1
    return 0
