"""What may be recommended: the seen filter, learned or set, and what the rules for lists let through."""

from enum import IntEnum

import numpy as np

from models.batch import Bools, Int32s, Int64s, UInt64s
from models.candidates import Candidates, keep_wanted, position_of
from models.compiled import inlined, kernel
from models.knowledge import KNOWN_USER_EVENTS, REPEAT_EVENTS
from models.seen import SeenFilter, has_seen, pair_hash

ENOUGH_EVENTS = 200
REPEAT_SHARE = 0.002


class Repeats(IntEnum):
    """Whether a user's own items may be recommended again; AUTO learns it from the stream."""

    AUTO = 0
    ALLOW = 1
    EXCLUDE = 2


@kernel
def excludes_seen(repeats: int, counters: Int64s) -> bool:
    """AUTO excludes seen items when, of 200 events or more of known users, under 0.2 % were repeats."""
    if repeats != 0:
        return repeats == 2
    known = counters[KNOWN_USER_EVENTS]
    return bool(known > ENOUGH_EVENTS and counters[REPEAT_EVENTS] < REPEAT_SHARE * known)


@kernel
def drop_seen(candidates: Candidates, seen: SeenFilter, user_hash: np.uint64, item_hashes: UInt64s) -> None:
    """Takes out the items that the user had."""
    for position in range(candidates.found[0]):
        pair = pair_hash(user_hash, item_hashes[candidates.items[position]])
        candidates.wanted[position] = not has_seen(seen, pair)
    keep_wanted(candidates)


@inlined
def drop_rejected(candidates: Candidates, rejected: Int32s) -> None:
    """Takes out the items that the user rejected, rows; -1 = none."""
    held = False
    for item in rejected:
        position = position_of(candidates, item) if item >= 0 else -1
        if position >= 0:
            if not held:
                candidates.wanted[: candidates.found[0]] = True
            held = True
            candidates.wanted[position] = False
    if held:
        keep_wanted(candidates)


@kernel
def drop_hidden(candidates: Candidates, shown: Bools) -> None:
    """Takes out the items that may not stand in lists."""
    for position in range(candidates.found[0]):
        candidates.wanted[position] = shown[candidates.items[position]]
    keep_wanted(candidates)
