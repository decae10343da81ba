"""What a worker of a test does besides: it dawdles at a chosen place, and leaves a mark there."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from worker.adapters import kafka_source
from worker.adapters.file_snapshots import FileSnapshots
from worker.adapters.kafka_sink import KafkaDeadLetters
from worker.adapters.kafka_source import KafkaEventSource
from worker.pipeline import Pipeline

# The first call of each step of a checkpoint (docs/delivery.md).
STEPS: dict[str, tuple[type, str]] = {
    "C1": (KafkaDeadLetters, "flush"),
    "C2": (FileSnapshots, "write_blob"),
    "C3": (FileSnapshots, "create_manifest"),
    "C4": (KafkaEventSource, "commit"),
    "C5": (FileSnapshots, "drop"),
}
STEP_SECONDS = 0.4


def dawdle_in(step: str, mark: Path) -> Callable[[], None]:
    """A hook: its second checkpoint takes 0.4 s in this step (C3: its third manifest, for the first is a claim)."""
    return partial(_dawdle, *STEPS[step], mark, 2 if step == "C3" else 1, STEP_SECONDS)


def dawdle_over_a_batch(mark: Path, seconds: float) -> Callable[[], None]:
    """A hook: one batch takes so long."""
    return partial(_dawdle, Pipeline, "process", mark, 20, seconds)


def _dawdle(owner: Any, name: str, mark: Path, calls_before: int, seconds: float) -> None:
    """Runs in the worker's process: calls of the method go through, but one of them half-way waits."""
    original, calls = getattr(owner, name), 0

    def slow(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls != calls_before + 1:
            return original(*arguments, **named)
        mark.touch()
        time.sleep(seconds / 2)
        result = original(*arguments, **named)
        time.sleep(seconds / 2)
        return result

    setattr(owner, name, slow)


def look_for_new_partitions_often() -> None:
    """A hook: the worker asks for the topic's partitions each half a second, not each half a minute."""
    kafka_source.METADATA_SECONDS = 0.5
