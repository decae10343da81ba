"""A thread of its own for what torch trains, the share of a core that it may take, and how long lists wait for it."""

import math
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from worker.ports import Clock


class Trainer:
    """Runs one training after the other beside the line, by `models.foresight.Begin`.

    After a training that took s seconds, none may begin for s * (1 - share) / share seconds. With a share of 1 none is
    left out: the line waits for the one before, and a replay leads to the same models.
    """

    def __init__(self, share: float, clock: Clock, round_seconds: float = math.inf) -> None:
        """`round_seconds` is the most that one round of lists waits for histories to be encoded."""
        self._share = share
        self._round_seconds = round_seconds
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, "trainer")
        self._last: Future[None] | None = None
        self._free_at = 0.0

    def __call__(self, work: Callable[[], None]) -> Callable[[], None]:
        """Begins; what is returned waits for the end, and raises what the work raised."""
        self._last = future = self._thread.submit(self._run, work)
        return future.result

    def is_free(self) -> bool:
        """Whether the budget allows the next one."""
        if self._share >= 1 or self._last is None:
            return True
        return self._last.done() and self._clock.monotonic() >= self._free_at

    def begin_round(self) -> Callable[[], bool]:
        """What is returned says whether this round may wait some more."""
        until = self._clock.monotonic() + self._round_seconds
        return lambda: self._clock.monotonic() < until

    def _run(self, work: Callable[[], None]) -> None:
        began = self._clock.monotonic()
        work()
        ended = self._clock.monotonic()
        self._free_at = ended + (ended - began) * (1 - self._share) / self._share
