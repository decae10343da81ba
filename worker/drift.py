"""Watches what a worker does for changes: whether lists hold what users take, what surprises, and how lists look."""

import numpy as np
import numpy.typing as npt
import structlog

from models.batch import Float64s
from models.drift import DriftDetector, LevelDriftDetector, ShapeDriftDetector
from models.recommender import Learned
from worker.observers import Drift, Observer

log = structlog.get_logger(__name__)


class DriftWatch:
    """Tells an observer of each change that a detector sees, and logs a line.

    The detectors only report, and begin anew with each process. `models.renewal` has tests of its own, by which it
    raises the learning rates; that is told too.
    """

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._served_rate, self._served_level = DriftDetector(), LevelDriftDetector()
        self._log_loss, self._new_items = LevelDriftDetector(), LevelDriftDetector()
        self._margins = ShapeDriftDetector()

    def learned(self, learned: Learned) -> None:
        """Events were learned, in order."""
        places = learned.served.places
        hits = places[places >= 0] > 0
        self._report(Drift.SERVED_HITS, self._served_rate.update(hits))
        self._report(Drift.SERVED_HITS_LEVEL, self._served_level.update(hits.astype(float)))
        self._report(Drift.LOG_LOSS, self._log_loss.update(_given(learned.surprises.log_losses)))
        self._report(Drift.NEW_ITEMS, self._new_items.update(_given(learned.surprises.new_items)))
        self._report(Drift.LEARNING_RATES, learned.renewals)

    def ranked(self, margins: Float64s) -> None:
        """Lists were made; (m,) differences of their first and tenth score."""
        self._report(Drift.SCORE_MARGINS, self._margins.update(margins))

    def _report(self, drift: Drift, changes: int) -> None:
        for _ in range(changes):
            log.info("the stream has changed", signal=drift.value)
            self._observer.drifted(drift)


def _given(values: npt.NDArray[np.floating | np.signedinteger]) -> Float64s:
    """Those that are not -1, which stands for none."""
    return values[values >= 0].astype(np.float64)
