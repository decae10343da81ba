"""What a baseline is, and its prequential pass over a stream: rank first, then learn."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from models.baselines.stream import Stream
from models.batch import Float32s
from models.tables import size_bytes

CHUNK_EVENTS = 20_000
S = TypeVar("S", bound=tuple[Any, ...])


class Baseline(Protocol):
    """A recommender that has seen a stream up to some event."""

    def rank_then_learn(self, start: int, stop: int, ranks: Float32s) -> None:
        """Ranks, then learns, the events from `start`, where it stopped before, up to, not including, `stop`.

        Writes to those places of `ranks` for items that came before and are not left out, each in 1..known items.
        """

    def size_bytes(self) -> int:
        """Memory of what it has learned and works with, beside the stream; bounded by users and items."""


@dataclass(frozen=True, slots=True)
class Compiled(Generic[S]):
    """A baseline that is one compiled pass over arrays."""

    stream: Stream
    state: S
    kernel: Callable[[S, Stream, int, int, Float32s], None]

    def rank_then_learn(self, start: int, stop: int, ranks: Float32s) -> None:
        self.kernel(self.state, self.stream, start, stop, ranks)

    def size_bytes(self) -> int:
        return size_bytes(self.state)


def ranks_by(baseline: Baseline, events: int, progress: Callable[[int], None] = lambda events: None) -> Float32s:
    """(events,) float32, the rank of each event's item before it was learned; inf = new, or left out."""
    ranks = np.full(events, np.inf, np.float32)
    for start in range(0, events, CHUNK_EVENTS):
        stop = min(start + CHUNK_EVENTS, events)
        baseline.rank_then_learn(start, stop, ranks)
        progress(stop)
    return ranks
