"""Background work of a simulated process: a thread more, and a result that comes in the scheduler's time."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

from typing_extensions import override

from tests.recovery.simulator.scheduler import Scheduler
from worker.adapters.memory import settle

PERIOD_SECONDS = 0.02

P = ParamSpec("P")
T = TypeVar("T")


class Later(Future[T]):
    """A result that comes in the scheduler's time."""

    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__()
        self._scheduler = scheduler

    @override
    def result(self, timeout: float | None = None) -> T:
        deadline_seconds = None if timeout is None else self._scheduler.clock.seconds + timeout
        while not self.done():
            if deadline_seconds is not None and self._scheduler.clock.seconds > deadline_seconds:
                raise TimeoutError
            self._scheduler.sleep(PERIOD_SECONDS)
        return super().result()


class SimulatedExecutor(Executor):
    """Background work of a process: threads of their own."""

    def __init__(self, spawn: Callable[[str, Callable[[], None]], object], scheduler: Scheduler) -> None:
        """`spawn` starts a thread of the process."""
        self._spawn = spawn
        self._scheduler = scheduler

    @override
    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        later: Later[T] = Later(self._scheduler)
        self._spawn("background", lambda: settle(later, fn, *args, **kwargs))
        return later

    @override
    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """What runs goes on until the process ends."""
