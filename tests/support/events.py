"""Events for tests of the producers: columns made of little, a sink that remembers, a clock that is told."""

from collections.abc import Sequence
from threading import Event

import numpy as np

from producers.columns import EventColumns


def columns(
    users: Sequence[str] = ("u1",),
    items: Sequence[str] | None = None,
    times_ms: Sequence[int] | None = None,
    kind: str = "view_item",
) -> EventColumns:
    """One event for each user; items and times count up when absent."""
    count = len(users)
    return EventColumns(
        list(users),
        list(items) if items is not None else [f"i{number}" for number in range(count)],
        np.array(times_ms if times_ms is not None else range(count), dtype=np.int64),
        [kind] * count,
        np.full(count, np.nan),
    )


class RecordingSink:
    """Keeps what is written, by call."""

    def __init__(self) -> None:
        self.writes: list[EventColumns] = []
        self.flushes = 0

    def write(self, events: EventColumns) -> None:
        self.writes.append(events)

    def flush(self) -> None:
        self.flushes += 1

    def items(self) -> list[str]:
        """The items of all events, in order."""
        return [item for write in self.writes for item in write.item_ids]

    def times_ms(self) -> list[int]:
        """The times of all events, in order."""
        return [int(time) for write in self.writes for time in write.times_ms]


class ToldClock:
    """A clock that only moves when someone waits."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.time = now
        self.waits: list[float] = []

    def now(self) -> float:
        return self.time

    def wait(self, seconds: float, stop: Event) -> None:
        self.waits.append(seconds)
        self.time += seconds
