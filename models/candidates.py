"""The candidates of one user: the union of what the experts propose, deduplicated, capped, with their scores."""

from typing import NamedTuple

import numpy as np

from models.batch import Bools, Float32s, Int32s, Int64s
from models.compiled import inlined, kernel
from models.lane_sums import clear_lanes
from models.lanes import LANES, bits_of, float_of
from models.neighbours import CHANNELS, SUMS

_POSITION_BITS = 11
MAX_CANDIDATES = 1 << _POSITION_BITS
CHOSEN = 128
_DIGIT_BITS = 8
_DIGITS = 1 << _DIGIT_BITS
_DIGIT_SHIFTS = (24, 16, 8, 0)


class Candidates(NamedTuple):
    """Scratch memory for ranking one user after the other; nothing in it outlives a ranking.

    Attributes:
        items: (2048,) int32, rows of the candidates, in the order of proposal.
        found: (1,) int64, how many there are.
        wanted: (2048,) bool, for `keep_wanted`.
        sums: (2048, 8) float32, what the neighbour rows say of each, added up in one pass over them.
        factors: (channels + 1, 8) float32, by how much each channel of the row at hand counts in each of the sums.
        scores: (experts, 2048) float32, a row for each expert; 0 = nothing to say.
        heard: (experts,) bool, which experts have something to say.
        alike: (2048,) float32, what the content expert says, before it is normalised.
        mixed: (2048,) float32, the mixture's probability; 0 = no expert proposes it.
        logits: (2048,) float32, what the item vectors say, less the highest.
        tally: (256,) int32, scratch memory of `choose`.
        chosen: (128,) int64, positions of the candidates that the ranker orders, and places: (2048,) int32, where a
            chosen candidate stands in `chosen`.
        places_by_item: (n,) int64, the round in which an item was last proposed and its position then, in one number.
        round: (1,) int64, number of this ranking.
        own: (1,) int64, how many of the first candidates are the user's own items.
    """

    items: Int32s
    found: Int64s
    wanted: Bools
    sums: Float32s
    factors: Float32s
    scores: Float32s
    heard: Bools
    alike: Float32s
    mixed: Float32s
    logits: Float32s
    tally: Int32s
    chosen: Int64s
    places: Int32s
    places_by_item: Int64s
    round: Int64s
    own: Int64s

    @classmethod
    def empty(cls, items: int, experts: int) -> "Candidates":
        """Scratch memory for a catalogue of `items` rows."""
        return cls(
            items=np.zeros(MAX_CANDIDATES, np.int32),
            found=np.zeros(1, np.int64),
            wanted=np.zeros(MAX_CANDIDATES, np.bool_),
            sums=np.zeros((MAX_CANDIDATES, SUMS), np.float32),
            factors=np.zeros((CHANNELS + 1, SUMS), np.float32),
            scores=np.zeros((experts, MAX_CANDIDATES), np.float32),
            heard=np.zeros(experts, np.bool_),
            alike=np.zeros(MAX_CANDIDATES, np.float32),
            mixed=np.zeros(MAX_CANDIDATES, np.float32),
            logits=np.zeros(MAX_CANDIDATES, np.float32),
            tally=np.zeros(_DIGITS, np.int32),
            chosen=np.zeros(CHOSEN, np.int64),
            places=np.zeros(MAX_CANDIDATES, np.int32),
            places_by_item=np.zeros(items, np.int64),
            round=np.zeros(1, np.int64),
            own=np.zeros(1, np.int64),
        )


@inlined
def begin_round(candidates: Candidates) -> None:
    """Forgets the candidates of the user before."""
    candidates.round[0] += 1
    candidates.found[0] = 0
    candidates.own[0] = 0


@inlined
def position_of(candidates: Candidates, item: int) -> int:
    """Where an item stands among the candidates; -1 = it was not proposed."""
    noted = candidates.places_by_item[item]
    return int(noted & (MAX_CANDIDATES - 1)) if noted >> _POSITION_BITS == candidates.round[0] else -1


@inlined
def propose(candidates: Candidates, item: int) -> int:
    """Adds an item once; returns its position, or -1 when there is no room for more."""
    position = position_of(candidates, item)
    if position < 0 and candidates.found[0] < MAX_CANDIDATES:
        position = int(candidates.found[0])
        candidates.places_by_item[item] = candidates.round[0] << _POSITION_BITS | position
        candidates.items[position] = item
        clear_lanes(candidates.sums, position)
        candidates.found[0] += 1
    return position


@inlined
def place_among_chosen(candidates: Candidates, item: int, count: int) -> int:
    """Which of the `count` chosen candidates an item is; -1 = none."""
    position = position_of(candidates, item) if item >= 0 else -1
    place = int(candidates.places[position]) if position >= 0 else -1
    return place if 0 <= place < count and candidates.chosen[place] == position else -1


@kernel
def choose(candidates: Candidates) -> int:
    """Picks the 128 candidates, or fewer, with the highest mixture probability, none without any; returns how many."""
    found = int(candidates.found[0])
    threshold = _threshold(candidates) if found > CHOSEN else np.float32(0.0)
    count = 0
    for position in range(found):
        if candidates.mixed[position] > threshold:
            candidates.chosen[count], candidates.places[position] = position, count
            count += 1
    for position in range(found):
        if count < CHOSEN and candidates.mixed[position] == threshold and threshold > 0:
            candidates.chosen[count], candidates.places[position] = position, count
            count += 1
    return count


@kernel
def _threshold(candidates: Candidates) -> np.float32:
    """The 128th highest probability, found digit by digit: bits of floats that are not negative order as they do."""
    known, wanted = 0, CHOSEN
    for shift in _DIGIT_SHIFTS:
        candidates.tally[:] = 0
        for position in range(candidates.found[0]):
            bits = int(bits_of(candidates.mixed[position])) >> shift
            if bits >> _DIGIT_BITS == known:
                candidates.tally[bits & (_DIGITS - 1)] += 1
        digit = _DIGITS - 1
        while candidates.tally[digit] < wanted:
            wanted -= candidates.tally[digit]
            digit -= 1
        known = known << _DIGIT_BITS | digit
    return float_of(np.int32(known))


@kernel
def keep_wanted(candidates: Candidates) -> None:
    """Drops the candidates that are not wanted; the others stay in order and close up."""
    kept = 0
    for position in range(candidates.found[0]):
        item = candidates.items[position]
        if not candidates.wanted[position]:
            candidates.places_by_item[item] = 0
            continue
        if kept < position:
            candidates.items[kept] = item
            candidates.places_by_item[item] = candidates.round[0] << _POSITION_BITS | kept
            for part in range(SUMS):
                candidates.sums[kept, part] = candidates.sums[position, part]
        kept += 1
    candidates.found[0] = kept


@kernel
def begin_scores(candidates: Candidates) -> None:
    """Nobody has said anything of the candidates yet, nor of the places that fill up the last sixteen."""
    padded = -(-candidates.found[0] // LANES) * LANES
    for expert in range(len(candidates.scores)):
        row = candidates.scores[expert, :padded]
        for position in range(len(row)):
            row[position] = np.float32(0.0)
