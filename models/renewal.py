"""Renewal: when the stream changes, what has come to learn slowly learns fast again for a while.

Watched are the log-loss and the misses of the ranker at the events that teach it, and the arrival of new items: of each
the mean of 128 values or more, in units of its usual deviation, by a one-sided Page-Hinkley test (Page 1954). After a
change Adagrad's sums shrink, so that the rates rise, and fall again as gradients add up; the mixture counts from fewer
events. Each of the tests does so for itself.

All of it depends on the sequence of events alone, and lies in `Knowledge`, so it is the same however the stream is cut
and after a restart. Hits of published lists are not: they depend on when lists were published. The test is a kernel,
not river's: the next event of the same compiled pass learns by the new rates, and a snapshot would have to write back
river's private attributes.
"""

from typing import NamedTuple

import numpy as np

from models.batch import Float32s, Float64s, Int64s
from models.compiled import inlined, kernel
from models.experts.vectors import FIRST_SQUARE, Vectors
from models.mixture import CONTEXTS, Mixture
from models.ranker import FIRST_HIDDEN_SQUARE, FIRST_LINEAR_SQUARE, Ranker

LOG_LOSS, MISSES, NEW_ITEMS = range(3)
SIGNALS = 3
BLOCK_VALUES = 128
USUAL_BLOCKS, MEMORY_BLOCKS = 16, 64
LEAST_DEVIATION = 0.01
ALLOWED_DEVIATIONS, MOST_DEVIATIONS, ALARM_DEVIATIONS = 0.5, 4.0, 8.0
VECTOR_RISE, RANKER_RISE = 4.0, 2.0
MIXTURE_EVENTS = 60.0


class Renewal(NamedTuple):
    """State of the tests of three signals.

    Attributes:
        sums, counts: (3,) float64, of the values of the block that is not full yet.
        means, variances: (3,) float64, usual ones of the blocks' means; blocks: (3,) float64, blocks behind them.
        excess: (3,) float64, by how many deviations the last blocks together lay too high.
        changes: (3,) int64, changes seen so far.
        new_items_since: (1,) int64, events learned when the block of new items began.
    """

    sums: Float64s
    counts: Float64s
    means: Float64s
    variances: Float64s
    blocks: Float64s
    excess: Float64s
    changes: Int64s
    new_items_since: Int64s

    @classmethod
    def empty(cls) -> "Renewal":
        """Nothing came yet."""
        return cls(
            sums=np.zeros(SIGNALS),
            counts=np.zeros(SIGNALS),
            means=np.zeros(SIGNALS),
            variances=np.zeros(SIGNALS),
            blocks=np.zeros(SIGNALS),
            excess=np.zeros(SIGNALS),
            changes=np.zeros(SIGNALS, np.int64),
            new_items_since=np.zeros(1, np.int64),
        )


@kernel
def has_changed(renewal: Renewal, signal: int, value: float) -> bool:
    """Takes the signal's next value; whether it lies higher than usual by now. The test then starts anew."""
    renewal.sums[signal] += value
    renewal.counts[signal] += 1.0
    return bool(renewal.counts[signal] >= BLOCK_VALUES and _ends_high(renewal, signal))


@inlined
def note_new_item(renewal: Renewal) -> None:
    """An item came that is new."""
    renewal.sums[NEW_ITEMS] += 1.0


@kernel
def new_items_have_changed(renewal: Renewal, events: int) -> bool:
    """Like `has_changed` for the arrival of new items, at an event that teaches; `events` were learned so far."""
    renewal.counts[NEW_ITEMS] = events - renewal.new_items_since[0]
    if renewal.counts[NEW_ITEMS] < BLOCK_VALUES:
        return False
    renewal.new_items_since[0] = events
    return _ends_high(renewal, NEW_ITEMS)


@kernel
def _ends_high(renewal: Renewal, signal: int) -> bool:
    """Ends the block; whether it was one too many that lay too high."""
    mean = renewal.sums[signal] / renewal.counts[signal]
    renewal.sums[signal], renewal.counts[signal] = 0.0, 0.0
    if renewal.blocks[signal] >= USUAL_BLOCKS and _is_alarm(renewal, signal, mean):
        renewal.changes[signal] += 1
        renewal.blocks[signal], renewal.excess[signal] = 0.0, 0.0
        return True
    renewal.blocks[signal] += 1.0
    rate = max(1.0 / renewal.blocks[signal], 1.0 / MEMORY_BLOCKS)
    apart = mean - renewal.means[signal]
    renewal.means[signal] += rate * apart
    renewal.variances[signal] = (1.0 - rate) * (renewal.variances[signal] + rate * apart * apart)
    return False


@kernel
def _is_alarm(renewal: Renewal, signal: int, mean: float) -> bool:
    """Page-Hinkley's sum: what lies above the allowance adds to it, what lies below takes off."""
    deviation = max(np.sqrt(renewal.variances[signal]), LEAST_DEVIATION)
    above = min((mean - renewal.means[signal]) / deviation, MOST_DEVIATIONS) - ALLOWED_DEVIATIONS
    renewal.excess[signal] = max(0.0, renewal.excess[signal] + above)
    return bool(renewal.excess[signal] > ALARM_DEVIATIONS)


@kernel
def renew(vectors: Vectors, ranker: Ranker, mixture: Mixture) -> None:
    """Lets the learning rates rise by these factors, none above the one that it began with."""
    for squares in (vectors.input_squares, vectors.output_squares, vectors.bias_squares, vectors.position_squares):
        _shrink(squares, VECTOR_RISE, FIRST_SQUARE)
    for squares in (ranker.shared_squares, ranker.bias_squares):
        _shrink(squares, RANKER_RISE, FIRST_LINEAR_SQUARE)
    _shrink(ranker.by_context_squares.reshape(-1), RANKER_RISE, FIRST_LINEAR_SQUARE)
    for squares in (ranker.offset_squares, ranker.outer_squares):
        _shrink(squares, RANKER_RISE, FIRST_HIDDEN_SQUARE)
    for table in (ranker.inner_squares, ranker.situated_squares):
        _shrink(table.reshape(-1), RANKER_RISE, FIRST_HIDDEN_SQUARE)
    for context in range(CONTEXTS):
        mixture.trained[context] = min(mixture.trained[context], MIXTURE_EVENTS)


@kernel
def _shrink(squares: Float32s, rise: float, least: float) -> None:
    """Adagrad's sums, so that rates rise by the factor `rise`, but not above where they began."""
    factor = np.float32(1.0 / (rise * rise))
    for place in range(len(squares)):
        squares[place] = max(squares[place] * factor, np.float32(least))
