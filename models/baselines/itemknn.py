"""Items like those that the user took: cosine kept up incrementally (Huang et al. 2015, "TencentRec", section 4.1).

A user's items make pairs within their last 50, each pair counted once for a user as long as both lie there.
"""

from typing import NamedTuple

import numpy as np

from models.baselines.baseline import Baseline, Compiled
from models.baselines.rows import Rows, add
from models.baselines.stream import Stream, holds, is_known, note_rank, past_items
from models.batch import Float32s, Int32s
from models.compiled import allocating_kernel

PAIRED_ITEMS = 10
SCORED_ITEMS = 20
SCORED_DECAY = 0.85
SHRINKAGE = 20.0


class State(NamedTuple):
    """How often n items were taken, and by the same users.

    Attributes:
        pairs: how many users took both.
        takers: (n,) float32, how many users took the item.
        scores: (n,) float32, scratch.
    """

    pairs: Rows
    takers: Float32s
    scores: Float32s


def itemknn(stream: Stream) -> Baseline:
    """Incremental item-based nearest neighbours that have seen nothing yet."""
    items = stream.item_count
    state = State(Rows.empty(items), np.zeros(items, np.float32), np.zeros(items, np.float32))
    return Compiled(stream, state, rank_then_learn)


@allocating_kernel
def rank_then_learn(state: State, stream: Stream, start: int, stop: int, ranks: Float32s) -> None:
    """The pass over some events."""
    for index in range(start, stop):
        past = past_items(stream, index)
        if is_known(stream, index):
            _score(state, past, stream.known[index])
            note_rank(stream, index, state.scores, ranks)
        _learn(state, past[-PAIRED_ITEMS:], stream.items[index])


@allocating_kernel
def _score(state: State, past: Int32s, known: int) -> None:
    """Sums of cosines with the last items: pairs / sqrt(takers of the one * takers of the other)."""
    state.scores[:known] = 0.0
    weight = 1.0
    for item in past[: -SCORED_ITEMS - 1 : -1]:
        others, counts = state.pairs.items[item], state.pairs.counts[item]
        for place in range(len(others)):
            if others[place] >= 0:
                cosine = counts[place] / (np.sqrt(state.takers[item] * state.takers[others[place]]) + SHRINKAGE)
                state.scores[others[place]] += weight * cosine
        weight *= SCORED_DECAY


@allocating_kernel
def _learn(state: State, recent: Int32s, item: int) -> None:
    if holds(recent, item):
        return
    state.takers[item] += 1.0
    for place in range(len(recent)):
        if not holds(recent[place + 1 :], recent[place]):
            add(state.pairs, item, recent[place], 1.0)
            add(state.pairs, recent[place], item, 1.0)
