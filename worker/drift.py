"""Watches what a worker does for changes: whether lists hold what users take, what surprises, and how lists look."""

from collections import deque
from concurrent.futures import Executor, Future
from typing import Any

import numpy as np
import numpy.typing as npt
import structlog

from models.batch import Float64s
from models.drift import DriftDetector, LevelDriftDetector, ShapeDriftDetector
from models.learned import Learned
from worker.observers import Drift, Observer

log = structlog.get_logger(__name__)


MOST_EARLY = 200  # batches, and rounds of ranking, that are kept until the detectors have loaded

Detector = DriftDetector | LevelDriftDetector | ShapeDriftDetector
Values = npt.NDArray[Any]


class DriftWatch:
    """Tells an observer of each change that a detector sees, and logs a line.

    The detectors only report, and begin anew with each process. `models.renewal` has tests of its own, by which it
    raises the learning rates; that is told too.
    """

    def __init__(self, observer: Observer, loading: Executor) -> None:
        """Their library takes seconds to load: `loading` does so once the first list was ranked."""
        self._observer = observer
        self._loading = loading
        self._detectors: Future[dict[Drift, Detector]] | None = None
        self._unseen: deque[dict[Drift, Values]] = deque(maxlen=MOST_EARLY)

    def learned(self, learned: Learned) -> None:
        """Events were learned, in order."""
        places = learned.served.places
        hits = places[places >= 0] > 0
        self._see(
            {
                Drift.SERVED_HITS: hits,
                Drift.SERVED_HITS_LEVEL: hits.astype(float),
                Drift.LOG_LOSS: _given(learned.surprises.log_losses),
                Drift.NEW_ITEMS: _given(learned.surprises.new_items),
            }
        )
        self._report(Drift.LEARNING_RATES, learned.renewals)

    def ranked(self, margins: Float64s) -> None:
        """Lists were made; (m,) differences of their first and tenth score."""
        if self._detectors is None:
            self._detectors = self._loading.submit(_new_detectors)
            self._loading.shutdown(wait=False)
        self._see({Drift.SCORE_MARGINS: margins})

    def _see(self, values: dict[Drift, Values]) -> None:
        """In order, and as soon as the detectors are there."""
        self._unseen.append(values)
        if self._detectors is not None and self._detectors.done():
            detectors = self._detectors.result()
            while self._unseen:
                for drift, stream in self._unseen.popleft().items():
                    self._report(drift, detectors[drift].update(stream))

    def _report(self, drift: Drift, changes: int) -> None:
        for _ in range(changes):
            log.info("the stream has changed", signal=drift.value)
            self._observer.drifted(drift)


def _new_detectors() -> dict[Drift, Detector]:
    return {
        Drift.SERVED_HITS: DriftDetector(),
        Drift.SERVED_HITS_LEVEL: LevelDriftDetector(),
        Drift.LOG_LOSS: LevelDriftDetector(),
        Drift.NEW_ITEMS: LevelDriftDetector(),
        Drift.SCORE_MARGINS: ShapeDriftDetector(),
    }


def _given(values: npt.NDArray[np.floating | np.signedinteger]) -> Float64s:
    """Those that are not -1, which stands for none."""
    return values[values >= 0].astype(np.float64)
