"""What the demo shows and sums up, gathered from the worker's hooks."""

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from worker.demo.durations import Durations
from worker.events import Reject
from worker.observers import Observer, ServedOutcome

WINDOW_SECONDS = 10
HISTORY_POINTS = 40


@dataclass(slots=True)
class Tally:
    """What happened in some stretch of time."""

    events: int = 0
    lists: int = 0
    served: int = 0
    hits: int = 0
    popular_hits: int = 0
    freshness: Durations = field(default_factory=Durations)

    def add(self, other: "Tally") -> None:
        """Takes in what happened in another stretch."""
        self.events += other.events
        self.lists += other.lists
        self.served += other.served
        self.hits += other.hits
        self.popular_hits += other.popular_hits
        self.freshness += other.freshness

    @property
    def hit_rate(self) -> float | None:
        """Share of events whose item stood among the first 20 of the user's published list."""
        return self.hits / self.served if self.served else None

    @property
    def popular_hit_rate(self) -> float | None:
        """The same for the popular list, on the same events."""
        return self.popular_hits / self.served if self.served else None


@dataclass(frozen=True, slots=True)
class Figures:
    """The state of affairs at one moment.

    Attributes:
        seconds: since the first event.
        events_seconds: from the first event to the last.
        recent: the last ten seconds, of which the first event may have come later.
        recent_seconds: length of that stretch.
        history: the whole run in at most 40 stretches of equal length, in order.
        scoring: whether served events still count: see `Statistics.stop_scoring`.
        rejected: events by reason.
        errors: by kind: see `Statistics`.
        snapshot_age_seconds: None = there is none yet.
    """

    seconds: float
    events_seconds: float
    total: Tally
    recent: Tally
    recent_seconds: float
    history: tuple[Tally, ...]
    scoring: bool
    rejected: Mapping[str, int]
    errors: Mapping[str, int]
    lag_records: int
    lag_seconds: float
    waiting_users: int
    snapshot_bytes: int
    snapshot_age_seconds: float | None


class Statistics(Observer):
    """Counts; written by the worker's threads, read by others. Its memory does not grow with the run.

    Four things count as errors, each one time it happens: `failed_snapshots`, `failed_publications` (Redis did not
    take some lists), `refused_lists` (what stood there was newer: with one worker, somebody else writes) and
    `lost_dead_letters`.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = Lock()
        self._total = Tally()
        self._seconds: deque[tuple[int, Tally]] = deque(maxlen=WINDOW_SECONDS)
        self._history = History()
        self._rejected: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._lag = (0, 0.0)
        self._waiting = 0
        self._scoring = True
        self._snapshot: tuple[int, float] | None = None
        self._first_event_at: float | None = None
        self._last_event_at = 0.0
        self.first_list_at: float | None = None

    # -- hooks ------------------------------------------------------------------------------------------------

    @override
    def consumed(self, events: int, rejected: Mapping[Reject, int], seconds: float) -> None:
        with self._lock:
            self._rejected.update({str(reason): count for reason, count in rejected.items()})
            if events:
                self._count(Tally(events=events))
                self._last_event_at = self._now()

    @override
    def learned(self, events: int, served: ServedOutcome, seconds: float) -> None:
        if served.events and self._scoring:
            with self._lock:
                self._count(Tally(served=served.events, hits=served.hits, popular_hits=served.popular_hits))

    @override
    def published(self, lists: int, refused: int, seconds: float, freshness_seconds: npt.NDArray[np.float64]) -> None:
        tally = Tally(lists=lists - refused)
        tally.freshness.add(freshness_seconds)
        with self._lock:
            self._count(tally)
            self._errors["refused_lists"] += refused
            if self.first_list_at is None:
                self.first_list_at = self._now()

    @override
    def lagging(self, lag_records: Mapping[int, int], lag_seconds: float) -> None:
        self._lag = sum(lag_records.values()), lag_seconds

    @override
    def waiting(self, users: int) -> None:
        self._waiting = users

    @override
    def snapshot_written(self, size_bytes: int, seconds: float) -> None:
        self._snapshot = size_bytes, self._now()

    @override
    def snapshot_failed(self, cause: str) -> None:
        self._add_errors("failed_snapshots", 1)

    @override
    def publish_failed(self, lists: int) -> None:
        self._add_errors("failed_publications", 1)

    @override
    def dead_letters_lost(self, rejections: int) -> None:
        self._add_errors("lost_dead_letters", rejections)

    def _add_errors(self, kind: str, count: int) -> None:
        with self._lock:
            self._errors[kind] += count

    def _count(self, tally: Tally) -> None:
        now = self._now()
        if self._first_event_at is None:
            self._first_event_at = now
        if not self._seconds or self._seconds[-1][0] != int(now):
            self._seconds.append((int(now), Tally()))
        self._total.add(tally)
        self._seconds[-1][1].add(tally)
        self._history.add(int(now - self._first_event_at), tally)

    def stop_scoring(self) -> None:
        """From here on events come that the worker learned before: to foresee them is no merit."""
        self._scoring = False

    # -- reading ----------------------------------------------------------------------------------------------

    def figures(self) -> Figures:
        """A copy of everything."""
        with self._lock:
            now = self._now()
            first_at = now if self._first_event_at is None else self._first_event_at
            window_from = int(now) - WINDOW_SECONDS + 1
            return Figures(
                seconds=now - first_at,
                events_seconds=max(self._last_event_at - first_at, 0.0),
                total=_sum([self._total]),
                recent=_sum([tally for second, tally in self._seconds if second >= window_from]),
                recent_seconds=now - max(first_at, window_from),
                history=self._history.points(),
                scoring=self._scoring,
                rejected=dict(self._rejected),
                errors={kind: count for kind, count in self._errors.items() if count},
                lag_records=self._lag[0],
                lag_seconds=self._lag[1],
                waiting_users=self._waiting,
                snapshot_bytes=self._snapshot[0] if self._snapshot else 0,
                snapshot_age_seconds=now - self._snapshot[1] if self._snapshot else None,
            )


class History:
    """A run in stretches of equal length; when there are too many, each two become one."""

    def __init__(self) -> None:
        self._stretch_seconds = 1
        self._points: list[Tally] = []

    def add(self, second: int, tally: Tally) -> None:
        """Something happened in this second of the run."""
        while second // self._stretch_seconds >= HISTORY_POINTS:
            self._points = [_sum(self._points[at : at + 2]) for at in range(0, len(self._points), 2)]
            self._stretch_seconds *= 2
        place = second // self._stretch_seconds
        self._points += [Tally() for _ in range(place + 1 - len(self._points))]
        self._points[place].add(tally)

    def points(self) -> tuple[Tally, ...]:
        """Copies, in order."""
        return tuple(_sum([point]) for point in self._points)


def _sum(tallies: list[Tally]) -> Tally:
    result = Tally()
    for tally in tallies:
        result.add(tally)
    return result
