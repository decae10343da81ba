"""The events that are measured with: real ones, as often as needed, at times that end now."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np

from producers.columns import EventColumns
from producers.importers import EventFile, Layout
from producers.sample import sample_events_path
from worker.errors import ConfigurationError

KIND = "view_item"  # of events for which a file names none
PAUSE_MS = 86_400_000  # between the end of the file and its next repetition


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream and what is known of it.

    Attributes:
        file: where it comes from.
        file_events: events that were read; more of them are repetitions.
        users, items: how many different ones.
        own_duplicates: events that repeat user, item, kind and time of another one, which a worker must turn away.
    """

    file: str
    file_events: int
    events: EventColumns
    users: int
    items: int
    own_duplicates: int


def read_stream(file: Path | None, events: int) -> Stream:
    """So many events of the file (None = the shipped sample) in the order of time. Raises ConfigurationError."""
    path = file or sample_events_path()
    once = _joined(list(EventFile(path, Layout(kind=KIND), by_time=True)), path).part(0, events)
    whole = _repeated(once, events)
    different = set(zip(whole.user_ids, whole.item_ids, whole.kinds, whole.times_ms.tolist(), strict=True))
    return Stream(
        path.name,
        len(once),
        whole,
        len(set(whole.user_ids)),
        len(set(whole.item_ids)),
        len(whole) - len(different),
    )


def ending_now(events: EventColumns) -> EventColumns:
    """All shifted by one distance, so that the last one happens now."""
    return events.at_times(events.times_ms + (time.time_ns() // 1_000_000 - int(events.times_ms[-1])))


def parts(events: EventColumns, most: int) -> Iterator[EventColumns]:
    """The events, up to `most` at a time."""
    return (events.part(begin, begin + most) for begin in range(0, len(events), most))


def _joined(batches: list[EventColumns], path: Path) -> EventColumns:
    if not batches:
        raise ConfigurationError(f"{path} has no events", "give a file of events")
    return EventColumns(
        list(chain.from_iterable(batch.user_ids for batch in batches)),
        list(chain.from_iterable(batch.item_ids for batch in batches)),
        np.concatenate([batch.times_ms for batch in batches]),
        list(chain.from_iterable(batch.kinds for batch in batches)),
        np.concatenate([batch.values for batch in batches]),
    )


def _repeated(once: EventColumns, events: int) -> EventColumns:
    times = -(-events // len(once))
    shift_ms = int(once.times_ms[-1] - once.times_ms[0]) + PAUSE_MS
    later_ms = [once.times_ms + repetition * shift_ms for repetition in range(times)]
    return EventColumns(
        _cycled(once.user_ids, events),
        _cycled(once.item_ids, events),
        np.concatenate(later_ms)[:events],
        _cycled(once.kinds, events),
        np.tile(once.values, times)[:events],
    )


def _cycled(column: list[str], events: int) -> list[str]:
    return list(islice(chain.from_iterable([column] * -(-events // len(column))), events))
