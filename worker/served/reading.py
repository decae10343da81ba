"""A client of the shop: looks up the user's list, then the user acts."""

import time
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.batch import Bools, Float32s, Float64s
from models.evaluation import MISS
from producers.columns import EventColumns
from producers.replay import EventSink
from worker.events import RecommendationList
from worker.ports import ListSink


class Source(IntEnum):
    """Which list a client was given."""

    NONE = 0
    POPULAR = 1
    OWN = 2


class Reads(NamedTuple):
    """What stood in Redis right before each of n events was sent.

    Attributes:
        ranks: (n,) float32, the place of the event's item in the list from 1; inf = not in it.
        sources: (n,) int8, which list it was: a `Source`.
        outdated: (n,) bool, the list was made before the user's previous event was sent, or is not the user's own
            although there was one.
        sent_seconds: (n,) float64, when the event was handed to Kafka's client; monotonic.
    """

    ranks: Float32s
    sources: npt.NDArray[np.int8]
    outdated: Bools
    sent_seconds: Float64s

    @classmethod
    def empty(cls, events: int) -> "Reads":
        """Nothing was read."""
        return cls(
            np.full(events, MISS, np.float32),
            np.full(events, Source.NONE, np.int8),
            np.zeros(events, np.bool_),
            np.full(events, np.nan),
        )


class ReadThenSend(EventSink):
    """Before each event is sent, reads the list that its user would be shown: their own, else the popular one.

    Attributes:
        reads: filled up to the last event that was sent.
        sent_events: how many were sent.
    """

    def __init__(self, lists: ListSink, sink: EventSink, events: int) -> None:
        """For a stream of so many events."""
        self.reads = Reads.empty(events)
        self.sent_events = 0
        self._lists = lists
        self._sink = sink
        self._sent_ms: dict[str, int] = {}

    def write(self, events: EventColumns) -> None:
        """Raises ServiceUnavailable when Redis or Kafka does not answer: no event is passed over."""
        for place, (user, item) in enumerate(zip(events.user_ids, events.item_ids, strict=True)):
            self._read(user, item)
            self.reads.sent_seconds[self.sent_events] = time.monotonic()
            self._sent_ms[user] = time.time_ns() // 1_000_000
            self._sink.write(events.part(place, place + 1))
            self.sent_events += 1

    def flush(self) -> None:
        self._sink.flush()

    def _read(self, user: str, item: str) -> None:
        own = self._lists.read(user)
        shown = own or self._lists.read_popular()
        row = self.sent_events
        if shown is not None:
            self.reads.sources[row] = Source.OWN if own else Source.POPULAR
            self.reads.ranks[row] = _rank(shown, item)
        previous_ms = self._sent_ms.get(user)
        if previous_ms is not None:
            self.reads.outdated[row] = own is None or own.generated_at < previous_ms


def _rank(shown: RecommendationList, item: str) -> float:
    return shown.items.index(item) + 1 if item in shown.items else float(MISS)
