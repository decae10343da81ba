"""An event topic in memory, with rebalances on demand."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from typing_extensions import override

from worker.errors import OwnershipLost, PositionError
from worker.events import Rejection
from worker.ports import EventSource, Record

TOPIC_ID = "memory"


@dataclass(frozen=True, slots=True)
class MemoryRecord:
    """One record of the topic; see `worker.ports.Record`."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


class MemoryEventSource(EventSource):
    """Partitions in memory, all of them assigned at the first poll.

    `revoke`, `assign` and `lose` script what the group does; it happens inside the next `poll`.

    Attributes:
        committed: what was committed last, by partition.
        available: False = polls return nothing, as while the broker is away.
    """

    def __init__(self, partitions: int = 1) -> None:
        self.committed: dict[int, int] = {}
        self.available = True
        self._logs: list[list[MemoryRecord]] = [[] for _ in range(partitions)]
        self._starts = [0] * partitions
        self._ends = [0] * partitions
        self._positions: dict[int, int] = {}
        self._owned: set[int] = set()
        self._untold: set[int] = set()
        self._script: list[Callable[[], None]] = [lambda: self._assigned(range(partitions))]
        self._on_revoked: Callable[[Sequence[int]], None] | None = None

    def append(
        self, value: bytes | None, key: bytes | None = None, partition: int = 0, timestamp: int | None = None
    ) -> int:
        """Adds a record and returns its offset; the timestamp (UTC ms) is the offset if not given."""
        offset = self._ends[partition]
        self._ends[partition] += 1
        self._logs[partition].append(MemoryRecord(offset, offset if timestamp is None else timestamp, key, value))
        return offset

    def truncate(self, partition: int, start: int) -> None:
        """Drops the records before `start`, as retention does."""
        self._starts[partition] = start
        self._logs[partition] = [record for record in self._logs[partition] if record.offset >= start]

    def revoke(self, *partitions: int) -> None:
        """The group gives these partitions to somebody else."""
        self._script.append(lambda: self._revoked(partitions))

    def assign(self, *partitions: int) -> None:
        """The group gives us these partitions."""
        self._script.append(lambda: self._assigned(partitions))

    def lose(self) -> None:
        """The group has thrown us out."""
        self._script.append(self._thrown_out)

    @override
    def open(self, on_revoked: Callable[[Sequence[int]], None]) -> None:
        self._on_revoked = on_revoked

    @override
    def poll(self, timeout_seconds: float, max_records: int) -> Mapping[int, Sequence[Record]]:
        """Never waits. Also raises PositionError when the log was cut."""
        script, self._script = self._script, []
        for step in script:
            step()
        polled: dict[int, Sequence[Record]] = {}
        for partition in sorted(self._positions) if self.available else ():
            records = self._from(partition)[:max_records]
            if records:
                polled[partition] = records
                self._positions[partition] = records[-1].offset + 1
                max_records -= len(records)
        return polled

    @override
    def joined(self) -> bool:
        return not self._script

    @override
    def take_assigned(self) -> list[int]:
        untold = sorted(self._untold)
        self._untold.clear()
        return untold

    @override
    def take_rejected(self) -> list[Rejection]:
        return []

    @override
    def topic_id(self) -> str:
        return TOPIC_ID

    @override
    def partitions(self) -> int:
        return len(self._logs)

    @override
    def begin(self, partition: int, offset: int | None) -> int:
        if partition not in self._owned:
            raise ValueError(f"partition {partition} is not assigned to us")
        start, end = self._starts[partition], self._ends[partition]
        position = start if offset is None else offset
        if not start <= position <= end:
            raise PositionError(f"partition {partition} holds offsets {start} to {end}, not our position {position}")
        self._positions[partition] = position
        return position

    @override
    def commit(self, next_offsets: Mapping[int, int]) -> None:
        self.committed |= next_offsets

    @override
    def lag_records(self) -> Mapping[int, int]:
        return {partition: self._ends[partition] - position for partition, position in self._positions.items()}

    @override
    def close(self) -> None:
        self._owned.clear()
        self._positions.clear()

    def _from(self, partition: int) -> list[MemoryRecord]:
        read = self._positions[partition] - self._starts[partition]
        if read < 0:
            raise PositionError(f"partition {partition} no longer holds our position")
        return self._logs[partition][read:]

    def _assigned(self, partitions: Iterable[int]) -> None:
        self._owned |= set(partitions)
        self._untold |= set(partitions)

    def _revoked(self, partitions: Iterable[int]) -> None:
        gone = set(partitions) & self._owned
        told = sorted(gone - self._untold)
        if told and self._on_revoked is not None:
            self._on_revoked(told)
        self._owned -= gone
        self._untold -= gone
        for partition in gone:
            self._positions.pop(partition, None)

    def _thrown_out(self) -> None:
        raise OwnershipLost("another worker owns our partitions now")
