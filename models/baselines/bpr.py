"""Matrix factorisation that learns from pairs (Rendle et al. 2009, "BPR: Bayesian Personalized Ranking").

Online: each event, once, is set against 60 items drawn evenly from those that came before and that the user did not
have lately (compare Diaz-Aviles et al. 2012, "Real-time Top-N Recommendation in Social Streams", with a reservoir).
"""

from typing import NamedTuple

import numpy as np

from models.baselines.baseline import Baseline, Compiled
from models.baselines.factors import item_factors, score_all, user_factors
from models.baselines.stream import Stream, holds, is_known, note_rank, past_items
from models.batch import Float32s
from models.compiled import allocating_kernel
from models.seen import pair_hash

NEGATIVES = 60
RATE = 0.05
REGULARIZATION = 0.03
RECENT_ITEMS = 50


class State(NamedTuple):
    """Vectors of u users and n items.

    Attributes:
        users: (u, factors) float32.
        items: (factors, n) float32.
        biases: (n,) float32.
        scores: (n,) float32, scratch.
    """

    users: Float32s
    items: Float32s
    biases: Float32s
    scores: Float32s


def bpr(stream: Stream) -> Baseline:
    """Factors that have seen nothing yet."""
    zeros = np.zeros((2, stream.item_count), np.float32)
    return Compiled(stream, State(user_factors(stream), item_factors(stream), *zeros), rank_then_learn)


@allocating_kernel
def rank_then_learn(state: State, stream: Stream, start: int, stop: int, ranks: Float32s) -> None:
    """The pass over some events."""
    for index in range(start, stop):
        user, known = state.users[stream.users[index]], stream.known[index]
        if is_known(stream, index):
            score_all(user, state.items, state.scores, known)
            state.scores[:known] += state.biases[:known]
            note_rank(stream, index, state.scores, ranks)
        recent = past_items(stream, index)[-RECENT_ITEMS:]
        for draw in range(NEGATIVES):
            negative = _drawn(index, draw, known)
            if negative >= 0 and negative != stream.items[index] and not holds(recent, negative):
                _learn(state, user, stream.items[index], negative)


@allocating_kernel
def _drawn(index: int, draw: int, known: int) -> int:
    """One of the known items, by a generator that counts; -1 = there is none."""
    number = pair_hash(np.uint64(index), np.uint64(draw)) >> np.uint64(32)
    return int(np.int64((number * np.uint64(known)) >> np.uint64(32))) if known > 0 else -1


@allocating_kernel
def _learn(state: State, user: Float32s, positive: int, negative: int) -> None:
    """One step that raises the score of the one item over that of the other."""
    liked, other = state.items[:, positive], state.items[:, negative]
    margin = state.biases[positive] - state.biases[negative]
    for factor in range(len(user)):
        margin += user[factor] * (liked[factor] - other[factor])
    slope = np.float32(1.0 / (1.0 + np.exp(margin)))
    state.biases[positive] += RATE * (slope - REGULARIZATION * state.biases[positive])
    state.biases[negative] -= RATE * (slope + REGULARIZATION * state.biases[negative])
    for factor in range(len(user)):
        taste, difference = user[factor], liked[factor] - other[factor]
        user[factor] += RATE * (slope * difference - REGULARIZATION * taste)
        liked[factor] += RATE * (slope * taste - REGULARIZATION * liked[factor])
        other[factor] -= RATE * (slope * taste + REGULARIZATION * other[factor])
