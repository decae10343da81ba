"""Quantiles of durations in bounded memory."""

from typing import Self

import numpy as np
import numpy.typing as npt

SHORTEST_SECONDS, LONGEST_SECONDS = 0.001, 3600.0
GROWTH = 1.02  # of the buckets: a quantile is right to 1 %
BOUNDS = SHORTEST_SECONDS * GROWTH ** np.arange(np.ceil(np.log(LONGEST_SECONDS / SHORTEST_SECONDS) / np.log(GROWTH)))


class Durations:
    """Counts durations in buckets that grow by 2 %; what is shorter or longer than the bounds counts at the bound."""

    def __init__(self) -> None:
        self._counts = np.zeros(len(BOUNDS), np.int64)

    def add(self, seconds: npt.NDArray[np.float64]) -> None:
        """Counts durations (n,)."""
        buckets = np.minimum(np.searchsorted(BOUNDS, seconds), len(BOUNDS) - 1)
        self._counts += np.bincount(buckets, minlength=len(BOUNDS))

    def __iadd__(self, other: Self) -> Self:
        self._counts += other._counts
        return self

    def quantile(self, share: float) -> float | None:
        """The duration that so large a share does not exceed; None where nothing was counted."""
        cumulative = np.cumsum(self._counts)
        if cumulative[-1] == 0:
            return None
        bucket = int(np.searchsorted(cumulative, max(share * cumulative[-1], 1)))
        return float(BOUNDS[bucket] / np.sqrt(GROWTH))
