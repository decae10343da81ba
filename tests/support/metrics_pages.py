"""The /metrics page of a worker that did so and so much."""

import numpy as np

from worker.adapters.memory import ManualClock
from worker.events import Reject
from worker.observers import Drift, Remembered, ServedOutcome
from worker.prometheus_observer import PrometheusObserver


class WorkerPage:
    """A worker's metrics, and what it does."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.observer = PrometheusObserver(self.clock)

    def works(self, events: int, *, late: int = 0, lists: int = 0, freshness_seconds: float = 0.1) -> None:
        """It reads events, turns some away, and publishes lists that are so fresh."""
        self.observer.polled(events + late, 0.01)
        self.observer.consumed(events, {Reject.LATE: late} if late else {}, 0.01)
        self.observer.published(lists, 0, 0.01, np.full(lists, freshness_seconds))

    def lags(self, seconds: float, **records: int) -> None:
        """So far it is behind, with each partition, `p0` say."""
        self.observer.lagging({int(name[1:]): count for name, count in records.items()}, seconds)

    def serves(self, events: int, hits: int, popular_hits: int) -> None:
        """So its lists fared."""
        self.observer.learned(0, ServedOutcome(events, hits, 0.0, popular_hits), 0.01)

    def drifts(self, drift: Drift) -> None:
        """A detector saw a change."""
        self.observer.drifted(drift)

    def knows(self, users: int, items: int) -> None:
        """So many."""
        self.observer.remembered(Remembered(items, 0.1, users, 0.1))

    def text(self) -> str:
        """The page."""
        return self.observer.render().decode()
