"""Background work that is done when the test says so."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

from typing_extensions import override

P = ParamSpec("P")
T = TypeVar("T")


class Deferred(Executor):
    """Keeps what was submitted until `work`; whoever waits for a result has to call it first."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    @override
    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        done: Future[T] = Future()

        def work() -> None:
            try:
                done.set_result(fn(*args, **kwargs))
            except Exception as error:
                done.set_exception(error)

        self.waiting.append(work)
        return done

    def work(self) -> None:
        """Does all that waits, in order."""
        while self.waiting:
            self.waiting.pop(0)()
