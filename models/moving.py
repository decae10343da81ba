"""Moving: which of a user's own items moved an item of the list, by mixing again as if the user had not had them.

What an item adds to its neighbours tells which ones to try, not whether they helped: probabilities are shared out over
the candidates, so an item that adds a little to one candidate and much to the others holds that one down.
"""

from typing import NamedTuple

import numpy as np

from models.assortment import Shelf
from models.batch import Float32s, Int32s, UInt64s
from models.candidates import position_of
from models.compiled import inlined, kernel
from models.gathering import mix_candidates, propose_shown
from models.knowledge import Knowledge
from models.nominees import take_heaviest, weigh_own_items
from models.policies import excludes_seen
from models.profiles import HISTORY_EVENTS, NOBODY, REJECTED_ITEMS, STRENGTH_UNIT, TASTE_WIDTH, Profiles, item_back
from models.scratch import Scratch
from models.seen import SeenFilter

MOVERS = 3
TRIED_ITEMS = 6
LEAST_FALL = 0.01


class Moved(NamedTuple):
    """Of m lists, k places each; of 0 places where nobody asked.

    Attributes:
        mixed: (m, k) float32, the mixture's probability of the item.
        by: (m, k, 3) int32, rows of the user's own items without which it would fall most; -1 = fewer.
        falls: (m, k, 3) float32, by what part of itself the probability would fall, largest first.
        strengths: (m, k, 3) float32, the highest weight of the user's events with that own item, in 64ths.
    """

    mixed: Float32s
    by: Int32s
    falls: Float32s
    strengths: Float32s

    @classmethod
    def empty(cls, users: int, size: int) -> "Moved":
        """Nothing was moved."""
        shape = (users, size, MOVERS)
        return cls(
            np.zeros((users, size), np.float32),
            np.full(shape, NOBODY, np.int32),
            np.zeros(shape, np.float32),
            np.zeros(shape, np.float32),
        )

    def part(self, part: slice) -> "Moved":
        """A view of some of the lists."""
        return Moved._make(column[part] for column in self)


@kernel
def find_movers(
    knowledge: Knowledge,
    profiles: Profiles,
    seen: SeenFilter,
    user_hashes: UInt64s,
    item_hashes: UInt64s,
    shelf: Shelf,
    fillers: Int32s,
    repeats: int,
    users: Int32s,
    scratch: Scratch,
    items: Int32s,
    shares: Float32s,
    moved: Moved,
) -> None:
    """Fills `moved` for the lists of `users`, (m,): their `items` (m, k) and `shares` (m, k, experts).

    A pass of its own, for those who ask: ranking compiles and runs without it. Tries the six own items of each user
    that probably matter most. The sequence expert is not asked again: it keeps its word.
    """
    excluding = excludes_seen(repeats, knowledge.counters)
    for index in range(len(users)):
        user, user_hash = users[index], user_hashes[users[index]]
        scratch.foreseen.at[0] = index
        _mix(knowledge, profiles, seen, user_hash, item_hashes, shelf, fillers, excluding, user, scratch)
        _note_mixed(scratch, items[index], moved.mixed[index])
        weigh_own_items(knowledge, profiles, user, scratch.candidates, items[index], shares[index], scratch.own_weights)
        for _ in range(TRIED_ITEMS):
            back = take_heaviest(scratch.own_weights)
            if back < 0:
                break
            own, without = item_back(profiles, user, back), scratch.without
            strength = _copy_without(profiles, user, own, without)
            _mix(knowledge, without, seen, user_hash, item_hashes, shelf, fillers, excluding, 0, scratch)
            _note_falls(scratch, items[index], moved, index, own, strength)


@kernel
def _mix(
    knowledge: Knowledge,
    profiles: Profiles,
    seen: SeenFilter,
    user_hash: np.uint64,
    item_hashes: UInt64s,
    shelf: Shelf,
    fillers: Int32s,
    excluding: bool,
    user: int,
    scratch: Scratch,
) -> None:
    """All that ranking does up to the mixture."""
    propose_shown(knowledge, profiles, user, shelf.shown, fillers, scratch)
    mix_candidates(knowledge, profiles, seen, user_hash, item_hashes, excluding, user, scratch)


@kernel
def _note_mixed(scratch: Scratch, items: Int32s, mixed: Float32s) -> None:
    """Sets `mixed`, (k,), to the mixture's probabilities of the items of a list, rows; 0 where it has none."""
    for place in range(len(items)):
        position = position_of(scratch.candidates, items[place]) if items[place] >= 0 else -1
        mixed[place] = scratch.candidates.mixed[position] if position >= 0 else np.float32(0.0)


@kernel
def _copy_without(profiles: Profiles, user: int, item: int, copy: Profiles) -> float:
    """Makes `copy`, of one user, the same without one item of the history; returns the item's highest weight."""
    strongest = 0.0
    for place in range(HISTORY_EVENTS):
        taken = profiles.items[user, place]
        copy.items[0, place] = NOBODY if taken == item else taken
        copy.gaps[0, place] = profiles.gaps[user, place]
        copy.strengths[0, place] = profiles.strengths[user, place]
        if taken == item:
            strongest = max(strongest, profiles.strengths[user, place] * STRENGTH_UNIT)
    for part in range(TASTE_WIDTH):
        copy.taste[0, part] = profiles.taste[user, part]
    for place in range(REJECTED_ITEMS):
        copy.rejected[0, place] = profiles.rejected[user, place]
    copy.events[0], copy.last_ms[0] = profiles.events[user], profiles.last_ms[user]
    return strongest


@kernel
def _note_falls(scratch: Scratch, items: Int32s, moved: Moved, index: int, own: int, strength: float) -> None:
    for place in range(len(items)):
        before = moved.mixed[index, place]
        if before > 0:
            position = position_of(scratch.candidates, items[place])
            after = scratch.candidates.mixed[position] if position >= 0 else np.float32(0.0)
            fall = (before - after) / before
            if fall >= LEAST_FALL:
                _insert(
                    moved.by[index, place],
                    moved.falls[index, place],
                    moved.strengths[index, place],
                    own,
                    fall,
                    strength,
                )


@inlined
def _insert(by: Int32s, falls: Float32s, strengths: Float32s, own: int, fall: float, strength: float) -> None:
    """Keeps the three largest, largest first."""
    here = MOVERS
    while here > 0 and falls[here - 1] < fall:
        here -= 1
        if here + 1 < MOVERS:
            by[here + 1], falls[here + 1], strengths[here + 1] = by[here], falls[here], strengths[here]
    if here < MOVERS:
        by[here], falls[here], strengths[here] = own, fall, strength
