"""What training draws: it follows from the number of the step and a purpose alone, so that a replay draws the same."""

import numpy as np

from models.batch import Float32s, Int64s
from models.compiled import kernel
from models.seen import below, pair_hash

EXAMPLE_DRAW, CAME_DRAW, KNOWN_DRAW, DROPOUT_DRAW = range(4)
DROPPED_BYTES = 51  # of 256: a fifth

_KEPT = np.float32(256 / (256 - DROPPED_BYTES))


def drawn(number: int, purpose: int, bound: int, count: int) -> Int64s:
    """(count,) numbers from 0 to below `bound`, for step `number`."""
    out = np.zeros(count, np.int64)
    _draw(_seed(number, purpose), bound, out)
    return out


def kept(number: int, shape: tuple[int, int, int]) -> Float32s:
    """0 where an input is dropped, else what makes up for that on average, for step `number`."""
    out = np.zeros(shape, np.float32)
    _keep(_seed(number, DROPOUT_DRAW), out.reshape(-1))
    return out


def _seed(number: int, purpose: int) -> np.uint64:
    return np.uint64(4 * number + purpose + 1)


@kernel
def _draw(seed: np.uint64, bound: int, out: Int64s) -> None:
    for place in range(len(out)):
        out[place] = below(pair_hash(seed, np.uint64(place + 1)), bound)


@kernel
def _keep(seed: np.uint64, out: Float32s) -> None:
    """Eight decisions by one hash."""
    for word in range(len(out) // 8):
        bits = pair_hash(seed, np.uint64(word + 1))
        for byte in range(8):
            out[8 * word + byte] = _KEPT if (bits & np.uint64(255)) >= np.uint64(DROPPED_BYTES) else np.float32(0.0)
            bits >>= np.uint64(8)
