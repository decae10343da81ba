"""The bar that people see of `millrace train`."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from typing_extensions import override

from models.neural.offline import Report
from worker.training.watcher import Watcher


class TrainingBar(Watcher):
    """Stage, loss, best validation so far, and time left if all epochs are needed."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("train", total=None, stage="reading", epoch=0, loss=float("nan"), best=0.0)

    @override
    def stepped(self, stage: str, epochs: int, report: Report) -> None:
        epoch, step, steps, loss, best = report
        done, total = (epoch - 1) * steps + step, epochs * steps
        self._bar.update(self._task, completed=done, total=total, stage=stage, epoch=epoch, loss=loss, best=best)


@contextmanager
def training_bar() -> Iterator[TrainingBar]:
    """For terminals; gone at the end."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.fields[stage]}, epoch {task.fields[epoch]}"), BarColumn(), TimeRemainingColumn())
    more = (TextColumn("loss {task.fields[loss]:.4f}"), TextColumn("best {task.fields[best]:.4f}"))
    with Progress(*columns, *more, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield TrainingBar(bar)
