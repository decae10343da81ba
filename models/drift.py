"""DriftDetector: notices when the hit rate of served lists changes (ADWIN, Bifet & Gavalda 2007, by river)."""

import numpy as np

from models.batch import Bools

BLOCK_EVENTS = 32
SIGNIFICANCE = 0.002
CHECK_EVERY_BLOCKS = 4


class DriftDetector:
    """Watches whether served lists held what their users then took.

    ADWIN sees the mean of each 32 events, which costs about 20 ns an event, and compares the parts of its window on
    every fourth mean. A rate that rises is a change like one that falls.
    """

    def __init__(self) -> None:
        from river.drift import ADWIN  # takes seconds to load, and only a worker watches for drift

        self._adwin = ADWIN(delta=SIGNIFICANCE, clock=CHECK_EVERY_BLOCKS)
        self._open_block: Bools = np.zeros(0, np.bool_)

    def update(self, hits: Bools) -> int:
        """Takes (n,) outcomes in order; returns how many changes they showed, however the stream is cut into calls."""
        stream = np.concatenate([self._open_block, hits])
        whole = len(stream) - len(stream) % BLOCK_EVENTS
        self._open_block = stream[whole:]
        rates = stream[:whole].reshape(-1, BLOCK_EVENTS).mean(axis=1)
        return sum(self._is_change(rate) for rate in rates.tolist())

    def _is_change(self, rate: float) -> bool:
        self._adwin.update(rate)
        return bool(self._adwin.drift_detected)
