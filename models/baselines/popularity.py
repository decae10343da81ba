"""What everybody takes at present: counts that decay by forward decay (Cormode et al. 2009, "Forward Decay")."""

from typing import NamedTuple

import numpy as np

from models.baselines.baseline import Baseline, Compiled
from models.baselines.stream import Stream, is_known, note_rank
from models.batch import Float32s, Float64s
from models.compiled import allocating_kernel

HALF_LIFE_EVENTS = 1_000.0
GROWTH = 2.0 ** (1.0 / HALF_LIFE_EVENTS)
RESCALE_AT = 1e100


class State(NamedTuple):
    """Counts of n items.

    Attributes:
        counts: (n,) float64, later events count more.
        scale: (1,) float64, what an event counts now.
        scores: (n,) float32, scratch.
    """

    counts: Float64s
    scale: Float64s
    scores: Float32s


def popularity(stream: Stream) -> Baseline:
    """Decayed popularity that has seen nothing yet."""
    items = stream.item_count
    return Compiled(stream, State(np.zeros(items), np.ones(1), np.zeros(items, np.float32)), rank_then_learn)


@allocating_kernel
def rank_then_learn(state: State, stream: Stream, start: int, stop: int, ranks: Float32s) -> None:
    """The pass over some events."""
    for index in range(start, stop):
        if is_known(stream, index):
            _score(state, stream.known[index])
            note_rank(stream, index, state.scores, ranks)
        _learn(state, stream.items[index])


@allocating_kernel
def _score(state: State, known: int) -> None:
    for item in range(known):
        state.scores[item] = state.counts[item] / state.scale[0]


@allocating_kernel
def _learn(state: State, item: int) -> None:
    state.counts[item] += state.scale[0]
    state.scale[0] *= GROWTH
    if state.scale[0] > RESCALE_AT:
        state.counts[:] /= state.scale[0]
        state.scale[0] = 1.0
