"""EventLog: losses and figures of a training as TensorBoard reads them, by the optional extra `tensorboard`."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from typing_extensions import override

from models.neural.offline import Report
from worker.errors import ConfigurationError
from worker.training.watcher import Watcher

STEPS_BETWEEN_LOSSES = 20


class EventLog(Watcher):
    """A run for each stage, in a folder of its name; x is the number of steps.

    A training that goes on from a checkpoint takes back what was written of the steps after it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers: dict[str, EventFileWriter] = {}

    @override
    def begins(self, stage: str, steps: int) -> None:
        try:
            self._writers[stage] = EventFileWriter(str(self._folder / stage))
        except OSError as error:
            raise ConfigurationError(
                f"cannot write to {self._folder}: {error.strerror}", "name another folder with --tensorboard"
            ) from error
        start = SessionLog(status=SessionLog.START)
        self._writers[stage].add_event(Event(wall_time=time.time(), step=steps + 1, session_log=start))

    @override
    def stepped(self, stage: str, epochs: int, report: Report) -> None:
        step = (report.epoch - 1) * report.steps + report.step
        if step % STEPS_BETWEEN_LOSSES == 0:
            self._write(stage, step, {"loss": report.loss})

    @override
    def closed_epoch(self, stage: str, steps: int, figures: Mapping[str, Any]) -> None:
        self._write(stage, steps, {f"epoch/{name}": value for name, value in _flat(figures)})
        self._writers[stage].flush()

    @override
    def ends(self) -> None:
        for writer in self._writers.values():
            writer.close()

    def _write(self, stage: str, step: int, numbers: Mapping[str, float]) -> None:
        values = [Summary.Value(tag=name, simple_value=number) for name, number in numbers.items()]
        self._writers[stage].add_event(Event(wall_time=time.time(), step=step, summary=Summary(value=values)))


def _flat(figures: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Figures of figures by the names of both."""
    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}/{inner}", number) for inner, number in _flat(value))
        else:
            yield name, value
