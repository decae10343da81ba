"""Notes: what a worker leaves in a topic for others to read."""

from dataclasses import dataclass

import msgspec

from worker.ports import Clock, RecordSink


@dataclass(frozen=True, slots=True)
class Notes:
    """Where notes are left, by which worker, and what time it is."""

    records: RecordSink
    topic: str
    worker: str
    clock: Clock

    def leave(self, key: str, note: msgspec.Struct) -> None:
        """Leaves a note under this key, in place of the one before; it may get lost."""
        self.records.send(self.topic, key, msgspec.json.encode(note))
