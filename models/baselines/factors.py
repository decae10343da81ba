"""Vectors of users and items, and the scores of all items at once."""

import numpy as np

from models.baselines.stream import Stream
from models.batch import Float32s
from models.compiled import allocating_kernel

FACTORS = 32
SPREAD = 0.1


def user_factors(stream: Stream) -> Float32s:
    """(users, factors) float32, random around 0; a row's do not depend on how many there are."""
    return _random(1, len(stream.begins))


def item_factors(stream: Stream) -> Float32s:
    """(factors, items) float32, the same for items: transposed, so that all are scored by long vector steps."""
    return np.ascontiguousarray(_random(2, stream.item_count).T)


def _random(seed: int, rows: int) -> Float32s:
    random = np.random.default_rng(seed)
    return (SPREAD * random.standard_normal((rows, FACTORS))).astype(np.float32)


@allocating_kernel
def score_all(user: Float32s, items: Float32s, scores: Float32s, known: int) -> None:
    """Dot products of a user's vector with those of the first `known` items."""
    scores[:known] = 0.0
    for factor in range(len(user)):
        weight, row = user[factor], items[factor]
        for item in range(known):
            scores[item] += weight * row[item]
