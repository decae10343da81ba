"""A worker on adapters in memory, with its clock in hand."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from models.recommender import Recommender
from worker.adapters.memory import (
    Immediate,
    ManualClock,
    MemoryDeadLetters,
    MemoryLists,
    MemoryRecords,
    MemorySnapshots,
    MemoryTable,
)
from worker.adapters.memory_source import MemoryEventSource
from worker.assembly import Adapters, build_worker, recommender_options
from worker.budgets import items_budget_bytes, users_budget_bytes
from worker.events import Reject
from worker.loop import Worker
from worker.observers import Exposure, Observer, Remembered, ServedOutcome
from worker.ports import SnapshotStore
from worker.settings import Settings, load

IDLE_ROUNDS = 3
FEWEST_ROUNDS = 12
MOST_ROUNDS = 2000

Arrays = dict[str, npt.NDArray[Any]]


class Crash(BaseException):
    """The process is gone: nothing catches it."""


class Watcher(Observer):
    """Remembers what the worker tells, moves the clock on with every round, and calls `at_round` at its start.

    Attributes:
        calls: names of the hooks that were called, in order, each run of the same name once.
    """

    def __init__(self, clock: ManualClock, round_seconds: float = 0.05) -> None:
        self.at_round: Callable[[int], None] = lambda _: None
        self.rounds = self.idle_rounds = self.events = self.waiting_users = self.snapshots = 0
        self.rejected: dict[Reject, int] = {}
        self.failures: list[str] = []
        self.freshness_seconds: list[float] = []
        self.refused = self.failed_lists = 0
        self.explored_items = 0
        self.served = ServedOutcome()
        self.served_by_kind: Mapping[str, ServedOutcome] = {}  # of the last batch
        self.known = Remembered(0, 0.0, 0, 0.0)
        self.exposures: list[Exposure] = []
        self.owned_partitions: list[list[int]] = []
        self.calls: list[str] = []
        self._clock = clock
        self._round_seconds = round_seconds

    @override
    def polled(self, records: int, seconds: float) -> None:
        self.rounds += 1
        self.idle_rounds = 0 if records else self.idle_rounds + 1
        self._clock.advance(self._round_seconds)
        assert self.rounds < MOST_ROUNDS, "the worker does not come to rest"
        self.at_round(self.rounds)

    @override
    def consumed(self, events: int, rejected: Mapping[Reject, int], seconds: float) -> None:
        for reason, count in rejected.items():
            self.rejected[reason] = self.rejected.get(reason, 0) + count

    @override
    def learned(self, events: int, served: ServedOutcome, seconds: float) -> None:
        self.events += events
        self.served = ServedOutcome(
            self.served.events + served.events,
            self.served.hits + served.hits,
            self.served.reciprocal_ranks + served.reciprocal_ranks,
            self.served.popular_hits + served.popular_hits,
            self.served.explored_hits + served.explored_hits,
        )

    @override
    def served_kinds(self, by_kind: Mapping[str, ServedOutcome]) -> None:
        self.served_by_kind = by_kind

    @override
    def published(self, lists: int, refused: int, seconds: float, freshness_seconds: npt.NDArray[np.float64]) -> None:
        self.freshness_seconds += freshness_seconds.tolist()
        self.refused += refused

    @override
    def explored(self, items: int) -> None:
        self.explored_items += items

    @override
    def publish_failed(self, lists: int) -> None:
        self.failed_lists += lists

    @override
    def waiting(self, users: int) -> None:
        self.waiting_users = users

    @override
    def remembered(self, remembered: Remembered) -> None:
        self.known = remembered

    @override
    def exposed(self, exposure: Exposure) -> None:
        self.exposures.append(exposure)

    @override
    def snapshot_written(self, size_bytes: int, seconds: float) -> None:
        self.snapshots += 1

    @override
    def snapshot_failed(self, cause: str) -> None:
        self.failures.append(cause)

    @override
    def owned(self, partitions: Sequence[int]) -> None:
        self.owned_partitions.append(list(partitions))


@dataclass
class Rig:
    """Everything around one worker; `again` is the same after a restart."""

    overrides: dict[str, Any] = field(default_factory=dict)
    source: MemoryEventSource = field(default_factory=MemoryEventSource)
    lists: MemoryLists = field(default_factory=MemoryLists)
    dead_letters: MemoryDeadLetters = field(default_factory=MemoryDeadLetters)
    catalogue: MemoryTable = field(default_factory=MemoryTable)
    control: MemoryTable = field(default_factory=MemoryTable)
    notes: MemoryRecords = field(default_factory=MemoryRecords)
    snapshots: SnapshotStore = field(default_factory=MemorySnapshots)
    clock: ManualClock = field(default_factory=ManualClock)
    background: Executor = field(default_factory=Immediate)

    def __post_init__(self) -> None:
        self.settings = rig_settings(**self.overrides)
        self.recommender = Recommender(recommender_options(self.settings))
        self.watcher = Watcher(self.clock)
        self.worker: Worker = build_worker(self.settings, self.adapters(), self.watcher, self.recommender)

    def adapters(self) -> Adapters:
        """The outside, as a worker sees it."""
        return Adapters(
            self.source,
            self.lists,
            self.dead_letters,
            self.catalogue,
            self.control,
            self.notes,
            self.snapshots,
            self.clock,
            self.background,
            Immediate(),
        )

    def run(self, at_round: Callable[[int], None] = lambda _: None) -> "Rig":
        """Runs some rounds, and then until nothing is left to read or to refresh; stops in order."""

        def stop_when_idle(number: int) -> None:
            at_round(number)
            is_idle = self.watcher.idle_rounds >= IDLE_ROUNDS and not self.watcher.waiting_users
            if is_idle and number >= FEWEST_ROUNDS:
                self.worker.stop()

        self.watcher.at_round = stop_when_idle
        self.worker.run()
        return self

    def again(self, **overrides: Any) -> "Rig":
        """The next process on the same services; the group gives it partition 0."""
        self.source.assign(0)
        return Rig(
            self.overrides | overrides,
            self.source,
            self.lists,
            self.dead_letters,
            MemoryTable(),
            MemoryTable(),
            self.notes,
            self.snapshots,
            self.clock,
        )


def room_for(items: int, users: int, partitions: int = Settings().kafka.partitions) -> dict[str, Any]:
    """Budgets into which so many items, and so many users of each partition, just fit."""
    return {
        "memory.items_bytes": items_budget_bytes(items),
        "memory.users_bytes": users_budget_bytes(users, partitions),
    }


def rig_settings(**overrides: Any) -> Settings:
    """Small bounds, one worker called w-0, and lists that may repeat items; `a__b=c` sets a.b."""
    defaults: dict[str, Any] = {
        "kafka.instance_id": "w-0",
        **room_for(items=50, users=40),
        "learning.repeats": "allow",
    }
    named = {name.replace("__", "."): value for name, value in overrides.items()}
    return load(overrides=defaults | named, environment={})


def rankings(recommender: Recommender, partition: int = 0, size: int = 20) -> dict[str, list[str]]:
    """The list of every user of one of the recommender's shards, in the order of taking them over."""
    shard = recommender._shards[partition]
    rows = shard.users.rows_in_use()
    items = recommender.recommend(shard, rows, size).items
    return {
        shard.users.id_of(int(row)): recommender.vocabulary.ids_of(found.tolist())
        for row, found in zip(rows, items, strict=True)
    }


def learned_state(recommender: Recommender, partition: int = 0) -> Arrays:
    """All that was learned, as arrays; which lists stand published is left aside, for that depends on time."""
    shard = recommender._shards[partition]
    shard.profiles.published[:] = -1
    recommender.knowledge.popular[:] = -1
    return recommender.dump() | {f"shard.{name}": each for name, each in recommender.dump_shard(shard).items()}


def assert_same_state(one: Arrays, other: Arrays) -> None:
    """Array by array."""
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)
