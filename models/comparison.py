"""Two models on the same events: is the difference more than chance?"""

from math import comb, erfc, sqrt
from typing import Any, NamedTuple

import numpy as np

from models.accuracy import gains
from models.batch import Bools, Float32s, Float64s

CUTOFF = 20
COMPARED = ("hr_at_20", "mrr_at_20")
FEWEST_FOR_CHI_SQUARE = 25
RESAMPLES = 1_000
BLOCK_EVENTS = 100
FEWEST_BLOCKS, MOST_BLOCKS = 50, 5_000
CONFIDENCE = 0.95


class Disagreement(NamedTuple):
    """McNemar's test (1947) of two models' hits on the same events.

    Attributes:
        first_only: events that only the first model hit.
        second_only: events that only the second model hit.
        p_value: how probable so uneven a split is, either way, if both hit equally often.
    """

    first_only: int
    second_only: int
    p_value: float


class Interval(NamedTuple):
    """A difference of means, and where it lies with 95 % confidence."""

    difference: float
    low: float
    high: float


def compare(first: Float32s, second: Float32s, seed: int = 0) -> dict[str, Any]:
    """The first model's (n,) ranks against the second's: intervals of HR@20 and MRR@20 less the second's, and McNemar.

    The same events in the same order; nan where there are none.
    """
    ours, theirs = gains(first), gains(second)
    return {
        **{name: difference_interval(ours[name] - theirs[name], seed)._asdict() for name in COMPARED},
        "mcnemar": mcnemar(first <= CUTOFF, second <= CUTOFF)._asdict(),
    }


def mcnemar(first_hits: Bools, second_hits: Bools) -> Disagreement:
    """The exact binomial test where fewer than 25 events differ, else chi-square with continuity correction."""
    first_only, second_only = int(np.sum(first_hits & ~second_hits)), int(np.sum(second_hits & ~first_hits))
    differing = first_only + second_only
    if differing < FEWEST_FOR_CHI_SQUARE:
        tail = sum(comb(differing, fewer) for fewer in range(min(first_only, second_only) + 1))
        p_value = min(1.0, 2 * tail / 2**differing)
    else:
        chi_square = max(0, abs(first_only - second_only) - 1) ** 2 / differing
        p_value = erfc(sqrt(chi_square / 2))
    return Disagreement(first_only, second_only, p_value)


def difference_interval(differences: Float64s, seed: int = 0) -> Interval:
    """The mean of (n,) paired differences with its percentile interval, from a bootstrap of blocks (Künsch 1989).

    Blocks of 100 consecutive events are drawn, not single ones: events of one basket or session stand together and
    are hit or missed together, and drawing them singly would make the interval too narrow. Blocks are shorter in
    short streams and longer in long ones, so that there are between 50 and 5,000.
    """
    events = len(differences)
    if events == 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    starts = np.arange(0, events, max(1, min(BLOCK_EVENTS, events // FEWEST_BLOCKS), events // MOST_BLOCKS))
    sums, sizes = np.add.reduceat(differences, starts), np.diff(starts, append=events)
    drawn = np.random.default_rng(seed).integers(len(starts), size=(RESAMPLES, len(starts)), dtype=np.int32)
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(float(differences.mean()), float(low), float(high))
