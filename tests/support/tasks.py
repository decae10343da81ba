"""Functions at the same time."""

from collections.abc import Callable, Sequence

from worker.demo.task import Task


def in_threads(functions: Sequence[Callable[[], None]]) -> None:
    """Runs each on a thread of its own; raises what one of them raised."""
    for task in [Task("test", function) for function in functions]:
        task.result()
