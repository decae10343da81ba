"""A worker's process: the real worker on simulated services, from its start to its death."""

from collections.abc import Callable
from functools import cache
from typing import Any

from typing_extensions import override

from models.recommender import Recommender
from tests.recovery.simulator.background import SimulatedExecutor
from tests.recovery.simulator.group import SESSION_SECONDS, Group
from tests.recovery.simulator.lists import SharedLists, SimulatedLists
from tests.recovery.simulator.oracle import Oracle
from tests.recovery.simulator.scheduler import Killed, Scheduler, SimulatedEvent, Task
from tests.recovery.simulator.snapshots import SharedSnapshots, SimulatedSnapshots
from tests.recovery.simulator.source import SimulatedLetters, SimulatedSource
from tests.support.rig import rig_settings, room_for
from worker.adapters.memory import Immediate, MemoryRecords, MemoryTable
from worker.assembly import Adapters, build_worker, recommender_options
from worker.errors import MillraceError
from worker.loop import Worker
from worker.observers import Observer
from worker.settings import Settings

SNAPSHOT_SECONDS = 1.0


class Outside:
    """All that processes share."""

    def __init__(self, scheduler: Scheduler, partitions: int) -> None:
        self.scheduler = scheduler
        self.group = Group(partitions, scheduler.random, scheduler.clock)
        self.snapshots = SharedSnapshots()
        self.oracle = Oracle(self.group, self.snapshots.memory)
        self.lists = SharedLists(self.oracle)


class Watcher(Observer):
    """Notes who waits for a list, and what went wrong."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.waiting_users = 0
        self._scheduler = scheduler

    @override
    def waiting(self, users: int) -> None:
        self.waiting_users = users

    @override
    def snapshot_failed(self, cause: str) -> None:
        self._scheduler.note(f"no snapshot: {cause}")


class Process:
    """Attributes:
    instance: its static name in the group.
    worker: None until it is put together.
    """

    def __init__(self, instance: str, outside: Outside) -> None:
        self.instance = instance
        self.worker: Worker | None = None
        self.watcher = Watcher(outside.scheduler)
        self.thaws_at_seconds = 0.0
        self._is_asked_to_stop = False
        self._outside = outside
        self._threads: list[Task] = []
        self._main = self.spawn("main", self._run)

    def spawn(self, name: str, work: Callable[[], None]) -> Task:
        """A thread of it."""
        thread = self._outside.scheduler.spawn(f"{self.instance}.{name}", work)
        self._threads.append(thread)
        return thread

    def _run(self) -> None:
        outside = self._outside
        settings = settings_of(self.instance)
        adapters = Adapters(
            SimulatedSource(self, outside.group, outside.scheduler, outside.oracle),
            SimulatedLists(outside.lists, outside.scheduler),
            SimulatedLetters(outside.group, outside.scheduler),
            MemoryTable(),
            MemoryTable(),
            MemoryRecords(),
            SimulatedSnapshots(self.instance, outside.snapshots, outside.scheduler, outside.oracle),
            outside.scheduler.clock,
            SimulatedExecutor(self.spawn, outside.scheduler),
            Immediate(),
        )
        worker = build_worker(settings, adapters, self.watcher, Recommender(recommender_options(settings)))
        worker._stopping = SimulatedEvent(outside.scheduler)
        self.worker = worker
        if self._is_asked_to_stop:
            worker.stop()
        worker.run()

    # -- what is done to it -----------------------------------------------------------------------------------

    def stop(self) -> None:
        """SIGTERM."""
        self._is_asked_to_stop = True
        if self.worker:
            self.worker.stop()

    def kill(self) -> None:
        """SIGKILL."""
        for thread in self._threads:
            thread.kill()
            thread.wake_at_seconds = 0.0

    def freeze(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT so much later."""
        self.thaws_at_seconds = self._outside.scheduler.clock.seconds + seconds
        for thread in self._threads:
            thread.wake_at_seconds = max(thread.wake_at_seconds, self.thaws_at_seconds)

    # -- what is seen of it -----------------------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        return self._main.is_done

    def error(self) -> BaseException | None:
        """What ended it, if it should not have: neither order, nor a kill, nor an error with an exit code."""
        error = self._main.error
        return None if isinstance(error, (Killed, MillraceError)) else error

    def has_ended_in_order(self) -> bool:
        return self.is_over and self._main.error is None

    def describe(self) -> str:
        """For messages."""
        ready = self.worker.why_not_ready() if self.worker else "not started"
        return f"{self.instance} at {self.positions()}, {self.watcher.waiting_users} wait, {ready or 'ready'}"

    def positions(self) -> dict[int, int]:
        """The next offset of each partition that is its own."""
        owned = self.worker._owned if self.worker and not self.is_over else {}
        return {number: each.next_offset for number, each in owned.items()}


@cache
def settings_of(instance: str) -> Settings:
    """Small, quick, and with room for all users and items."""
    settings: dict[str, Any] = {
        "kafka__instance_id": instance,
        "kafka__poll_seconds": 0.4,
        "kafka__max_poll_records": 6,
        "kafka__session_timeout_seconds": SESSION_SECONDS,
        "snapshots__interval_seconds": SNAPSHOT_SECONDS,
        "clean__dedupe_window_events": 200,
        "run__drain_seconds": 20.0,
        "lists__size": 3,
        "lists__popular_interval_seconds": 1.5,
    }
    return rig_settings(**settings | room_for(items=16, users=16))
