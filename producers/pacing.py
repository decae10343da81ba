"""When each event is sent, and what time it then bears."""

import time
from dataclasses import dataclass
from threading import Event
from typing import Protocol

import numpy as np

from producers.choices import EventTimes
from producers.columns import Times, Values
from worker.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast events are sent; with neither speed nor rate, as fast as they are taken.

    Attributes:
        speed: multiple of the original time: 60 = an hour in a minute.
        rate: events a second.
        times: keep the `original` event times, or shift them to `now`: at a rate to the time of sending, with
            a speed to the shrunk time, else all by one distance, so that the last event happens now.

    Raises ConfigurationError when both are given or one is not positive.
    """

    speed: float | None = None
    rate: float | None = None
    times: EventTimes = EventTimes.NOW

    def __post_init__(self) -> None:
        if self.speed is not None and self.rate is not None:
            raise ConfigurationError("both a speed and a rate are given", "give --speed or --rate, not both")
        for name, number in (("speed", self.speed), ("rate", self.rate)):
            if number is not None and not number > 0:
                raise ConfigurationError(f"--{name} is {number:g}", f"give a --{name} above 0")

    @property
    def moves_as_one(self) -> bool:
        """Whether all events are shifted by one distance, for which the last time must be known."""
        return self.times is EventTimes.NOW and self.speed is None and self.rate is None


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> float:
        """Seconds since 1970, never going back."""

    def wait(self, seconds: float, stop: Event) -> None:
        """Returns after that time, or as soon as `stop` is set."""


class SystemClock:
    """The machine's clock, made steady: steps of the wall clock after the start do not show."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        return self._offset + time.monotonic()

    def wait(self, seconds: float, stop: Event) -> None:
        stop.wait(seconds)


class Schedule:
    """Plans one pass over a stream, batch by batch, from the moment it is made.

    `last_ms` is the latest original time of the stream, for a pace that moves as one.
    Events are due by plan, not one interval after the last one went out: after a stall the sender catches up.
    """

    def __init__(self, pace: Pace, clock: Clock, last_ms: int = 0) -> None:
        self._pace = pace
        self._last_ms = last_ms
        self._clock = clock
        self._start = clock.now()
        self._sent_events = 0
        self._first_ms: int | None = None
        self._run: tuple[int, float] | None = None  # the last original time, and when it first was due

    def plan(self, times_ms: Times) -> tuple[Values, Times]:
        """For the next batch's original times: when each event is due (seconds), and its time in the event.

        Due times never fall. With `now`, events that share an original time share the new one: at a rate
        that of the first of them, since they are one basket.
        """
        due = self._due(times_ms)
        self._sent_events += len(times_ms)
        return np.maximum.accumulate(due), self._new_times(times_ms, due)

    def _new_times(self, times_ms: Times, due: Values) -> Times:
        if self._pace.times is EventTimes.ORIGINAL:
            return times_ms
        if self._pace.moves_as_one:
            return times_ms + (round(self._start * 1000) - self._last_ms)
        shared = due if self._pace.rate is None else self._shared(times_ms, due)
        return np.rint(shared * 1000).astype(np.int64)

    def _due(self, times_ms: Times) -> Values:
        if self._pace.rate is not None:
            return self._start + np.arange(self._sent_events, self._sent_events + len(times_ms)) / self._pace.rate
        if self._pace.speed is not None and len(times_ms):
            if self._first_ms is None:
                self._first_ms = int(times_ms[0])
            due: Values = self._start + (times_ms - self._first_ms) / (1000 * self._pace.speed)
            return due
        return np.full(len(times_ms), self._clock.now())

    def _shared(self, times_ms: Times, due: Values) -> Values:
        """The due time of the first event of each run of equal original times, over batches."""
        if not len(times_ms):
            return due
        begins = np.empty(len(times_ms), dtype=bool)
        begins[0] = self._run is None or self._run[0] != times_ms[0]
        np.not_equal(times_ms[1:], times_ms[:-1], out=begins[1:])
        first = np.maximum.accumulate(np.where(begins, np.arange(len(times_ms)), -1))
        carried = self._run[1] if self._run else 0.0
        shared: Values = np.where(first < 0, carried, due[first])
        self._run = int(times_ms[-1]), float(shared[-1])
        return shared
