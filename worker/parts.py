"""What a worker is put together from; the assembly does it."""

from dataclasses import dataclass

from worker.catalogue import Catalogue
from worker.checkpoint import Checkpointer
from worker.enforcement import Enforcement
from worker.manifest_log import ManifestLog
from worker.observers import Observer
from worker.pipeline import Pipeline
from worker.ports import Clock, DeadLetters, EventSource, ListSink
from worker.restore import Restorer


@dataclass(frozen=True, slots=True)
class Parts:
    """What the loop drives."""

    source: EventSource
    lists: ListSink
    dead_letters: DeadLetters
    catalogue: Catalogue
    pipeline: Pipeline
    enforcement: Enforcement
    restorer: Restorer
    checkpointer: Checkpointer
    manifest_log: ManifestLog
    clock: Clock
    observer: Observer
