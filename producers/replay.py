"""START READING HERE: sends a stream of events at a pace.

Events come from a file (`readers`), the shipped sample (`sample`) or a simulation (`simulate`), and go to
Kafka (`kafka_writer`) or into a file (`jsonl_writer`).
"""

from collections.abc import Callable, Iterable, Iterator
from threading import Event
from typing import Protocol

import numpy as np

from producers.columns import EventColumns
from producers.pacing import Clock, Pace, Schedule, SystemClock

TICK_SECONDS = 0.01


class EventSink(Protocol):
    """Takes events."""

    def write(self, events: EventColumns) -> None:
        """Takes the events, in order. May return before they are safe: `flush` waits for that."""

    def flush(self) -> None:
        """Returns when all events taken are safe. Raises ServiceUnavailable when they cannot be."""


def replay(
    source: Iterable[EventColumns],
    sink: EventSink,
    pace: Pace | None = None,
    *,
    limit: int | None = None,
    loop: bool = False,
    stop: Event | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
    clock: Clock | None = None,
    tick_seconds: float = TICK_SECONDS,
) -> int:
    """Sends the events of `source` to `sink`, flushes, and returns how many were sent.

    Args:
        source: batches in the order of time; to be run through again (no generator) for `loop`, or for a pace
            that moves as one.
        sink: where they go; left open.
        pace: how fast, and with which times; as fast as possible, at now, when absent.
        limit: most events to send.
        loop: start again at the end, until stopped or at the limit.
        stop: set by another thread or a signal handler to end early; what was sent is still flushed.
        on_progress: is told how many more events went out.
        clock: tells the time.
        tick_seconds: events due within this time go out together.
    """
    pace = pace or Pace()
    last_ms = _last_ms(source, limit) if pace.moves_as_one else 0
    sender = _Sender(sink, stop or Event(), on_progress, clock or SystemClock(), tick_seconds)
    left = limit
    while True:
        sent = sender.run(source, pace, left, last_ms)
        left = None if left is None else left - sent
        if not loop or not sent or left == 0 or sender.stop.is_set():
            break
    sink.flush()
    return sender.sent_events


def _limited(source: Iterable[EventColumns], limit: int | None) -> Iterator[EventColumns]:
    """The first events; reads no batch beyond the limit."""
    for batch in source:
        if limit is None:
            yield batch
            continue
        yield batch.part(0, limit)
        limit -= len(batch)
        if limit <= 0:
            return


def _last_ms(source: Iterable[EventColumns], limit: int | None) -> int:
    """The latest time among the events that will be sent."""
    return max((int(batch.times_ms.max()) for batch in _limited(source, limit) if len(batch)), default=0)


class _Sender:
    def __init__(
        self,
        sink: EventSink,
        stop: Event,
        on_progress: Callable[[int], None],
        clock: Clock,
        tick_seconds: float,
    ) -> None:
        self.stop = stop
        self.sent_events = 0
        self._sink = sink
        self._on_progress = on_progress
        self._clock = clock
        self._tick_seconds = tick_seconds

    def run(self, source: Iterable[EventColumns], pace: Pace, limit: int | None, last_ms: int) -> int:
        """One pass over the source; returns how many events it sent."""
        before = self.sent_events
        schedule = Schedule(pace, self._clock, last_ms)
        for batch in _limited(source, limit):
            self._send(batch, schedule)
            if self.stop.is_set():
                break
        return self.sent_events - before

    def _send(self, batch: EventColumns, schedule: Schedule) -> None:
        due, times_ms = schedule.plan(batch.times_ms)
        batch = batch.at_times(times_ms)
        begin = 0
        while begin < len(batch) and not self.stop.is_set():
            now = self._clock.now()
            end = int(np.searchsorted(due, now, side="right"))
            if end == begin:
                self._clock.wait(max(float(due[begin]) - now, self._tick_seconds), self.stop)
                continue
            self._sink.write(batch.part(begin, end))
            self._on_progress(end - begin)
            self.sent_events += end - begin
            begin = end
