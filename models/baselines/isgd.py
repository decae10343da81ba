"""Matrix factorisation by gradient steps on each event, once, towards 1.

Vinagre et al. 2014, "Fast Incremental Matrix Factorization for Recommendation with Positive-only Feedback" (ISGD).
"""

from typing import NamedTuple

import numpy as np

from models.baselines.baseline import Baseline, Compiled
from models.baselines.factors import item_factors, score_all, user_factors
from models.baselines.stream import Stream, is_known, note_rank
from models.batch import Float32s
from models.compiled import allocating_kernel

STEPS = 3
RATE = 0.05
REGULARIZATION = 0.01


class State(NamedTuple):
    """Vectors of u users and n items.

    Attributes:
        users: (u, factors) float32.
        items: (factors, n) float32.
        scores: (n,) float32, scratch.
    """

    users: Float32s
    items: Float32s
    scores: Float32s


def isgd(stream: Stream) -> Baseline:
    """Factors that have seen nothing yet."""
    state = State(user_factors(stream), item_factors(stream), np.zeros(stream.item_count, np.float32))
    return Compiled(stream, state, rank_then_learn)


@allocating_kernel
def rank_then_learn(state: State, stream: Stream, start: int, stop: int, ranks: Float32s) -> None:
    """The pass over some events."""
    for index in range(start, stop):
        user = state.users[stream.users[index]]
        if is_known(stream, index):
            score_all(user, state.items, state.scores, stream.known[index])
            note_rank(stream, index, state.scores, ranks)
        for _ in range(STEPS):
            _learn(user, state.items[:, stream.items[index]])


@allocating_kernel
def _learn(user: Float32s, item: Float32s) -> None:
    """One step that brings user . item closer to 1."""
    error = np.float32(1.0)
    for factor in range(len(user)):
        error -= user[factor] * item[factor]
    for factor in range(len(user)):
        user[factor] += RATE * (error * item[factor] - REGULARIZATION * user[factor])
        item[factor] += RATE * (error * user[factor] - REGULARIZATION * item[factor])
