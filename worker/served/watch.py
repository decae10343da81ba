"""Watch: whether the worker keeps up, and when it is ready or has ended."""

from collections.abc import Sequence
from threading import Event
from time import monotonic

import numpy as np
from typing_extensions import override

from models.batch import Float64s
from worker.bench.meter import Meter
from worker.errors import ServiceUnavailable


class Watch(Meter):
    """A meter that also notes when the worker learned how much.

    Attributes:
        ended: set when the worker stopped, for whatever reason.
    """

    def __init__(self, partitions: int) -> None:
        """For a worker that is to own so many partitions."""
        super().__init__()
        self.ended = Event()
        self._partitions = partitions
        self._ready = Event()
        self._seen_before = 0
        self._batches: list[tuple[float, int]] = []

    def wait_until_ready(self, timeout_seconds: float) -> None:
        """Returns when the worker owns all partitions. Raises ServiceUnavailable when it does not, or ends."""
        self._ready.wait(timeout_seconds)
        if self.ended.is_set() or not self._ready.is_set():
            what = self._over or f"it did not get its partitions within {timeout_seconds:g} s"
            raise ServiceUnavailable(f"the worker is not ready: {what}", "`millrace doctor` tells what it needs")

    def learned_after_seconds(self, sent_seconds: Float64s) -> Float64s:
        """(batches,) from the sending of the first event of each batch until the batch was learned.

        Events are counted: the partitions' order may differ a little from that of sending.
        """
        batches = [(at, first) for at, first in self._batches if first < len(sent_seconds)]
        return np.array([at - sent_seconds[first] for at, first in batches])

    @override
    def processed(self, records: int, seconds: float) -> None:
        if records:
            self._batches.append((monotonic(), self._seen_before))
            self._seen_before = self.events_seen
        super().processed(records, seconds)

    @override
    def owned(self, partitions: Sequence[int]) -> None:
        if len(partitions) >= self._partitions:
            self._ready.set()

    @override
    def over(self, error: BaseException | None) -> None:
        super().over(error)
        self.ended.set()
        self._ready.set()  # nobody needs to wait any longer
