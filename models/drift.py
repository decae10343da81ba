"""Detectors of drift, by river: of the hit rate of served lists, of the level of a value, of a distribution.

Each takes a stream in order, in parts of any size, and says how many changes the part showed; how the stream is cut
makes no difference.
"""

import numpy as np

from models.batch import Bools, Float64s

BLOCK_EVENTS = 32
SIGNIFICANCE = 0.002
CHECK_EVERY_BLOCKS = 4

SCALE_BLOCKS = 128
LEVEL_BLOCKS = 128
ALLOWED_DEVIATIONS = 0.25
ALARM_DEVIATIONS = 50.0

SAMPLE_EVERY = 64
WINDOW_SAMPLES = 1000
RECENT_SAMPLES = 200
KS_SIGNIFICANCE = 1e-5


class DriftDetector:
    """Watches whether served lists held what their users then took (ADWIN, Bifet & Gavalda 2007).

    ADWIN sees the mean of each 32 events, which costs about 20 ns an event, and compares the parts of its window on
    every fourth mean. A rate that rises is a change like one that falls.
    """

    def __init__(self) -> None:
        from river.drift import ADWIN  # takes seconds to load, and only a worker watches for drift

        self._adwin = ADWIN(delta=SIGNIFICANCE, clock=CHECK_EVERY_BLOCKS)
        self._blocks = _BlockMeans()

    def update(self, hits: Bools) -> int:
        """Takes (n,) outcomes in order; returns how many changes they showed."""
        return sum(map(self._is_change, self._blocks.take(hits)))

    def _is_change(self, rate: float) -> bool:
        self._adwin.update(rate)
        return bool(self._adwin.drift_detected)


class LevelDriftDetector:
    """Watches the level of any value, such as a log-loss or 1 for each event on a new item (Page-Hinkley, Page 1954).

    The test sees the mean of each 32 values in units of the standard deviation of such means, which the first 128
    give, so one setting suits all values: on steady ones about one false alarm in 20 million. It is ready after 256
    means, and starts anew after each change. A move of less than a quarter of that deviation passes for steady.
    """

    def __init__(self) -> None:
        self._blocks = _BlockMeans()
        self._restart()

    def _restart(self) -> None:
        from river.drift import PageHinkley  # takes seconds to load, and only a worker watches for drift
        from river.stats import Var

        self._variance = Var()
        self._test = PageHinkley(
            min_instances=LEVEL_BLOCKS, delta=ALLOWED_DEVIATIONS, threshold=ALARM_DEVIATIONS, mode="both"
        )

    def update(self, values: Float64s) -> int:
        """Takes (n,) finite values in order; returns how many changes they showed."""
        return sum(map(self._is_change, self._blocks.take(values)))

    def _is_change(self, mean: float) -> bool:
        if self._variance.mean.n < SCALE_BLOCKS or self._variance.get() == 0:
            self._variance.update(mean)
            return False
        self._test.update(mean / self._variance.get() ** 0.5)
        if not self._test.drift_detected:
            return False
        self._restart()
        return True


class ShapeDriftDetector:
    """Watches the distribution of a value, such as the margin between scores (KSWIN, Raab et al. 2020).

    It keeps each 64th value, and compares the last 200 kept with 200 of the 800 before them by the Kolmogorov-Smirnov
    test, so it needs 1000 kept values to begin. A test costs about 0.3 ms: 5 us for each value of the stream.
    """

    def __init__(self, sample_every: int = SAMPLE_EVERY, seed: int = 0) -> None:
        from river.drift import KSWIN  # takes seconds to load, and only a worker watches for drift

        self._sample_every = sample_every
        self._to_skip = 0
        self._test = KSWIN(alpha=KS_SIGNIFICANCE, window_size=WINDOW_SAMPLES, stat_size=RECENT_SAMPLES, seed=seed)

    def update(self, values: Float64s) -> int:
        """Takes (n,) finite values in order; returns how many changes they showed."""
        kept = values[self._to_skip :: self._sample_every]
        self._to_skip = (self._to_skip - len(values)) % self._sample_every
        return sum(map(self._is_change, kept.tolist()))

    def _is_change(self, value: float) -> bool:
        self._test.update(value)
        return bool(self._test.drift_detected)


class _BlockMeans:
    """Means of consecutive blocks of 32 values: a test for each value would cost too much."""

    def __init__(self) -> None:
        self._open_block: Float64s = np.zeros(0)

    def take(self, values: Bools | Float64s) -> list[float]:
        """The means of the blocks that these values complete."""
        stream = np.concatenate([self._open_block, values])
        whole = len(stream) - len(stream) % BLOCK_EVENTS
        self._open_block = stream[whole:]
        means: list[float] = stream[:whole].reshape(-1, BLOCK_EVENTS).mean(axis=1).tolist()
        return means
