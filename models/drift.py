"""Drift: river's ADWIN on the served hit rate, behind one small interface.

ADWIN (Bifet & Gavalda 2007) keeps a window whose length follows the data: when two parts of it differ more than
chance explains, the older part is dropped and a change is reported.
"""

import numpy as np

from models.batch import Bools

BLOCK_EVENTS = 32


class DriftDetector:
    """Feeds ADWIN the hit rate of each block of 32 served events; its cost an event is a 32nd of ADWIN's."""

    def __init__(self) -> None:
        from river.drift import ADWIN  # loading river takes seconds

        self._adwin = ADWIN()
        self._rest: Bools = np.zeros(0, np.bool_)

    def update(self, hits: Bools) -> int:
        """Takes whether each served event was a hit, (n,) in order; returns how many changes were noticed."""
        waiting = np.concatenate([self._rest, hits])
        blocks = len(waiting) // BLOCK_EVENTS
        self._rest = waiting[blocks * BLOCK_EVENTS :]
        changes = 0
        for rate in waiting[: blocks * BLOCK_EVENTS].reshape(blocks, BLOCK_EVENTS).mean(axis=1):
            self._adwin.update(float(rate))
            changes += int(self._adwin.drift_detected)
        return changes
