"""What a worker is put together from; the assembly does it."""

from dataclasses import dataclass

from worker.catalogue import Catalogue
from worker.checkpoint import Checkpointer
from worker.observers import Observer
from worker.pipeline import Pipeline
from worker.ports import Clock, DeadLetters, EventSource, ListSink


@dataclass(frozen=True, slots=True)
class Parts:
    """What the loop drives."""

    source: EventSource
    lists: ListSink
    dead_letters: DeadLetters
    catalogue: Catalogue
    pipeline: Pipeline
    checkpointer: Checkpointer
    clock: Clock
    observer: Observer
