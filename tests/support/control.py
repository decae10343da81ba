"""A control topic in memory, for workers that come and go."""

from typing import Any

import msgspec
from typing_extensions import override

from worker.adapters.memory import MemoryRecords, MemoryTable
from worker.control_records import Action, ControlRecord, Forget, Receipt, Rule, control_key

TOPIC = "control"


class ControlTopic(MemoryRecords):
    """What is sent goes to all who read; who opens it later reads it whole, compacted."""

    def __init__(self) -> None:
        super().__init__()
        self._values: dict[str, bytes | None] = {}
        self._readers: list[MemoryTable] = []

    def open(self) -> MemoryTable:
        """Another reader."""
        self._readers.append(MemoryTable(self._values))
        return self._readers[-1]

    def put(self, *records: ControlRecord) -> None:
        """Decides."""
        for record in records:
            self.send(TOPIC, control_key(record), msgspec.json.encode(record))

    def take_back(self, record: ControlRecord) -> None:
        """Decides otherwise."""
        self.send(TOPIC, control_key(record), None)

    def receipts(self) -> list[Receipt]:
        """All that were sent, in order."""
        values = (value for topic, _, value in self.records if topic == TOPIC and value)
        records = [msgspec.json.decode(value, type=ControlRecord) for value in values]
        return [record for record in records if isinstance(record, Receipt)]

    @override
    def send(self, topic: str, key: str, value: bytes | None) -> None:
        super().send(topic, key, value)
        if topic == TOPIC:
            self._values[key] = value
            for reader in self._readers:
                reader.put(key, value)


def rule(action: Action, rule_id: str = "r1", **others: Any) -> Rule:
    """A rule by an editor."""
    return Rule(rule_id, action, "ed", **others)


def forget(user_id: str, requested_at: int) -> Forget:
    """A request of one user."""
    return Forget(user_id, requested_at, "ed")


def receipt(user_id: str, requested_at: int, *partitions: int, of: int = 1, worker: str = "w-0") -> Receipt:
    """That these of so many partitions hold nothing of the user any more."""
    return Receipt(user_id, worker, requested_at, partitions, of, requested_at + 5)
