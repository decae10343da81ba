"""Kafka as one simulated process sees it: the event topic with its group, and the dead-letter topic."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from typing_extensions import override

from tests.recovery.simulator.group import Group
from tests.recovery.simulator.oracle import Oracle
from tests.recovery.simulator.scheduler import Scheduler
from worker.adapters.memory import MemoryDeadLetters
from worker.errors import OwnershipLost, PositionError, ServiceUnavailable
from worker.events import Rejection
from worker.ports import DeadLetters, EventSource, Record


class Named(Protocol):
    """A process."""

    instance: str


class SimulatedSource(EventSource):
    """The topic as one process of the group sees it."""

    def __init__(self, process: Named, group: Group, scheduler: Scheduler, oracle: Oracle) -> None:
        self._process = process
        self._group = group
        self._scheduler = scheduler
        self._oracle = oracle
        self._owned: set[int] = set()
        self._untold: set[int] = set()
        self._positions: dict[int, int] = {}
        self._joined = self._is_calling_back = False
        self._on_revoked: Callable[[Sequence[int]], None] = lambda _: None

    @override
    def open(self, on_revoked: Callable[[Sequence[int]], None]) -> None:
        self._scheduler.step("join")
        if not self._group.available:
            raise ServiceUnavailable("no broker answers")
        self._on_revoked = on_revoked
        self._group.join(self._process.instance, self._process)

    @override
    def poll(self, timeout_seconds: float, max_records: int) -> Mapping[int, Sequence[Record]]:
        self._scheduler.step("poll")
        if self._group.available:
            self._hear_of_the_group()
        polled = self._fetched(max_records) if self._group.available else {}
        if not polled:
            self._scheduler.sleep(timeout_seconds)
        self._scheduler.step(f"polled { {each: [r.offset for r in records] for each, records in polled.items()} }")
        return polled

    def _hear_of_the_group(self) -> None:
        if self._group.was_evicted(self._process):
            raise OwnershipLost("the group put us out")
        self._joined = True
        member = self._group.member(self._process.instance, self._process)
        leaving = sorted(member.leaving) if member else []
        if leaving:
            self._give_up(leaving)
        member = self._group.member(self._process.instance, self._process)
        if member and member.news:
            new, member.news = set(member.news) & member.owned, []
            self._scheduler.note(f"assigned {sorted(new)}")
            self._owned |= new
            self._untold |= new

    def _give_up(self, leaving: Sequence[int]) -> None:
        """The call back blocks the heartbeats."""
        told = [each for each in leaving if each in self._owned and each not in self._untold]
        if told:
            self._group.silence(self._process.instance, self._process, silent=True)
            self._is_calling_back = True
            try:
                self._on_revoked(told)
            finally:
                self._is_calling_back = False
            self._group.silence(self._process.instance, self._process, silent=False)
        self._owned -= set(leaving)
        self._untold -= set(leaving)
        for each in leaving:
            self._positions.pop(each, None)
        self._group.given_up(self._process.instance, self._process, leaving)

    def _fetched(self, max_records: int) -> dict[int, Sequence[Record]]:
        random = self._scheduler.random
        partitions = sorted(self._positions)
        random.shuffle(partitions)
        polled: dict[int, Sequence[Record]] = {}
        for each in partitions:
            begin = self._positions[each]
            records = self._group.logs[each][begin : begin + random.randint(0, max_records)]
            if records:
                polled[each] = records
                self._positions[each] = records[-1].offset + 1
        return polled

    @override
    def joined(self) -> bool:
        return self._joined

    @override
    def take_assigned(self) -> list[int]:
        untold, self._untold = sorted(self._untold), set()
        return untold

    @override
    def take_rejected(self) -> list[Rejection]:
        return []

    @override
    def partitions(self) -> int:
        return len(self._group.logs)

    @override
    def begin(self, partition: int, offset: int | None) -> int:
        self._scheduler.step(f"begin {partition} at {offset}")
        if partition not in self._owned:
            raise ValueError(f"partition {partition} is not assigned to us")
        if not self._group.available:
            raise ServiceUnavailable("the broker does not tell what it holds")
        position = offset or 0
        if position > len(self._group.logs[partition]):
            raise PositionError(f"partition {partition} has no offset {position}")
        self._positions[partition] = position
        return position

    @override
    def commit(self, next_offsets: Mapping[int, int]) -> None:
        self._scheduler.step(f"commit {next_offsets}")
        is_member = self._group.member(self._process.instance, self._process) is not None
        if not self._group.available or (self._is_calling_back and not is_member):
            raise ServiceUnavailable("the broker does not answer")
        if not is_member:
            raise OwnershipLost("another worker has our place in the group")
        self._oracle.committed(next_offsets)
        self._group.committed |= next_offsets
        self._scheduler.step("committed")

    @override
    def topic_id(self) -> str:
        return "topic"

    @override
    def lag_records(self) -> Mapping[int, int]:
        return {each: len(self._group.logs[each]) - position for each, position in self._positions.items()}

    @override
    def close(self) -> None:
        self._scheduler.step("leave")


class SimulatedLetters(MemoryDeadLetters, DeadLetters):
    """The dead-letter topic, which is away when the others are."""

    def __init__(self, group: Group, scheduler: Scheduler) -> None:
        super().__init__()
        self._group = group
        self._scheduler = scheduler

    @override
    def flush(self, timeout_seconds: float) -> None:
        self._scheduler.step("flush dead letters")
        if not self._group.available:
            raise ServiceUnavailable("the broker does not acknowledge")
