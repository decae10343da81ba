"""The candidates of one user: the union of what the experts propose, deduplicated, capped, with their scores."""

from typing import NamedTuple

import numpy as np

from models.batch import Bools, Float32s, Int32s, Int64s
from models.compiled import inlined

MAX_CANDIDATES = 2048


class Candidates(NamedTuple):
    """Scratch memory for ranking one user after the other; nothing in it outlives a ranking.

    Attributes:
        items: (2048,) int32, rows of the candidates, in the order of proposal.
        found: (1,) int64, how many there are.
        scores: (experts, 2048) float32, a row for each expert; 0 = nothing to say, so beyond
            `found` all is 0.
        heard: (experts,) bool, which experts have something to say.
        mixed: (2048,) float32, the mixture's probability; 0 = may not be recommended.
        position: (n,) int32, where an item stands in `items`, valid if its stamp is that of this round.
        stamp: (n,) int64, the round in which an item was last proposed.
        round: (1,) int64, number of this ranking.
    """

    items: Int32s
    found: Int64s
    scores: Float32s
    heard: Bools
    mixed: Float32s
    position: Int32s
    stamp: Int64s
    round: Int64s

    @classmethod
    def empty(cls, items: int, experts: int) -> "Candidates":
        """Scratch memory for a catalogue of `items` rows."""
        return cls(
            items=np.zeros(MAX_CANDIDATES, np.int32),
            found=np.zeros(1, np.int64),
            scores=np.zeros((experts, MAX_CANDIDATES), np.float32),
            heard=np.zeros(experts, np.bool_),
            mixed=np.zeros(MAX_CANDIDATES, np.float32),
            position=np.zeros(items, np.int32),
            stamp=np.zeros(items, np.int64),
            round=np.zeros(1, np.int64),
        )


@inlined
def begin_round(candidates: Candidates) -> None:
    """Forgets the candidates of the user before."""
    for expert in range(len(candidates.scores)):
        for position in range(candidates.found[0]):
            candidates.scores[expert, position] = np.float32(0.0)
    candidates.round[0] += 1
    candidates.found[0] = 0


@inlined
def propose(candidates: Candidates, item: int) -> int:
    """Adds an item once; returns its position, or -1 when there is no room for more."""
    if candidates.stamp[item] == candidates.round[0]:
        return int(candidates.position[item])
    position = int(candidates.found[0])
    if position == MAX_CANDIDATES:
        return -1
    candidates.stamp[item] = candidates.round[0]
    candidates.position[item] = position
    candidates.items[position] = item
    candidates.found[0] += 1
    return position


@inlined
def position_of(candidates: Candidates, item: int) -> int:
    """Where an item stands among the candidates; -1 = it was not proposed."""
    return int(candidates.position[item]) if candidates.stamp[item] == candidates.round[0] else -1


@inlined
def exclude(candidates: Candidates, position: int) -> None:
    """Takes a candidate out of the running; it keeps its position."""
    for expert in range(len(candidates.scores)):
        candidates.scores[expert, position] = np.float32(0.0)
