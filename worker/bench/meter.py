"""Meter: an observer that takes the times of a worker's run."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from threading import Condition
from time import monotonic, process_time

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from worker.errors import ServiceUnavailable
from worker.events import Reject
from worker.observers import Observer, ServedOutcome


class Meter(Observer):
    """Counts and times the steps of a run, and lets another thread wait for its progress.

    Attributes:
        records: records that were processed.
        events: events that were learned.
        rejected: events that were turned away, by reason.
        lists: lists that were published.
        seconds: by step: `poll`, `decode_clean`, `learn`, `rank`, `publish`.
        calls: how often each step ran.
        run_seconds, cpu_seconds: from the start of the first poll that brought records until the last ones were
            processed; by the clock, and of the processors.
        waiting_users: users whose list is out of date.
        freshness: of the lists published since it was last emptied.
    """

    def __init__(self) -> None:
        self.records = 0
        self.events = 0
        self.lists = 0
        self.rejected: Counter[Reject] = Counter()
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.calls: Counter[str] = Counter()
        self.run_seconds = self.cpu_seconds = 0.0
        self.waiting_users = 0
        self.freshness: list[npt.NDArray[np.float64]] = []
        self._began = self._began_cpu = 0.0
        self._over: str | None = None
        self._moved = Condition()

    @property
    def events_seen(self) -> int:
        """Learned or turned away."""
        return self.events + sum(self.rejected.values())

    def wait_for_events(self, events: int, timeout_seconds: float) -> None:
        """Returns when so many were seen. Raises ServiceUnavailable when that takes too long, or the worker ends."""
        with self._moved:
            self._moved.wait_for(lambda: self.events_seen >= events or self._over is not None, timeout_seconds)
        if self.events_seen < events:
            what = self._over or f"not within {timeout_seconds:.0f} s"
            raise ServiceUnavailable(f"the worker saw {self.events_seen} of {events} events: {what}", "try again")

    def over(self, error: BaseException | None) -> None:
        """The worker has ended; nobody needs to wait any longer."""
        with self._moved:
            self._over = "it ended" if error is None else f"it failed: {error}"
            self._moved.notify_all()

    @override
    def polled(self, records: int, seconds: float) -> None:
        if records:
            self._took("poll", seconds)
        if self.records == 0:
            self._begin(records, seconds)

    @override
    def processed(self, records: int, seconds: float) -> None:
        if not records:
            return
        self.run_seconds = monotonic() - self._began
        self.cpu_seconds = process_time() - self._began_cpu
        self.records += records
        with self._moved:
            self._moved.notify_all()

    @override
    def consumed(self, events: int, rejected: Mapping[Reject, int], seconds: float) -> None:
        self.rejected.update(rejected)
        self._took("decode_clean", seconds)

    @override
    def learned(self, events: int, served: ServedOutcome, seconds: float) -> None:
        self.events += events
        self._took("learn", seconds)

    @override
    def ranked(self, lists: int, seconds: float) -> None:
        self._took("rank", seconds)

    @override
    def published(self, lists: int, refused: int, seconds: float, freshness_seconds: npt.NDArray[np.float64]) -> None:
        self.lists += lists - refused
        self.freshness.append(freshness_seconds)
        self._took("publish", seconds)

    @override
    def waiting(self, users: int) -> None:
        self.waiting_users = users

    def _begin(self, records: int, seconds: float) -> None:
        """The processors' time at the start of a poll is that at the end of the empty one before."""
        self._began = monotonic() - seconds
        if not records:
            self._began_cpu = process_time()

    def _took(self, step: str, seconds: float) -> None:
        self.seconds[step] += seconds
        self.calls[step] += 1
