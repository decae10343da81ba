"""Background work that is done when the test says so."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

from typing_extensions import override

from worker.adapters.memory import settle

P = ParamSpec("P")
T = TypeVar("T")


class Deferred(Executor):
    """Keeps what was submitted until `work`; nobody may wait for a result longer than a moment before."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    @override
    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        done: Future[T] = Future()
        self.waiting.append(lambda: settle(done, fn, *args, **kwargs))
        return done

    def work(self) -> None:
        """Does all that waits, in order."""
        while self.waiting:
            self.waiting.pop(0)()
