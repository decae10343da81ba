"""The loop: start, poll, process, refresh, checkpoint, drain, stop; partitions assigned, revoked, lost."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Event

import structlog

from worker.catalogue import Catalogue
from worker.checkpoint import Checkpointer
from worker.errors import PositionError, ServiceUnavailable, SnapshotError
from worker.events import Rejection
from worker.observers import Observer
from worker.partition import OwnedPartition
from worker.pipeline import Pipeline
from worker.ports import Clock, DeadLetters, EventSource, ListSink, Record
from worker.refresh import RefreshBudget
from worker.settings import Settings

CATALOGUE_SECONDS = 0.2
REFRESH_SECONDS = 0.25  # longest stretch of refreshing between two polls while the worker keeps up
FLUSH_SECONDS = 5.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 5.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the loop drives; the assembly puts it together."""

    source: EventSource
    lists: ListSink
    dead_letters: DeadLetters
    catalogue: Catalogue
    pipeline: Pipeline
    checkpointer: Checkpointer
    clock: Clock
    observer: Observer


class Worker:
    """One member of the group: owns partitions, learns their events, keeps their users' lists fresh."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self._settings = settings
        self._parts = parts
        self._owned: dict[int, OwnedPartition] = {}
        self._stopping = Event()
        self._budget = RefreshBudget(settings.refresh.budget)
        self._status = "starting"
        self._round_at = parts.clock.monotonic()
        self._due = {"popular": 0.0, "catalogue": 0.0, "checkpoint": 0.0}

    # -- asked from other threads -----------------------------------------------------------------------------

    def stop(self) -> None:
        """Asks the loop to drain and end; safe in a signal handler."""
        self._stopping.set()

    def why_not_live(self) -> str | None:
        """None while the loop makes its rounds."""
        silent_seconds = self._parts.clock.monotonic() - self._round_at
        if silent_seconds > self._settings.health.stall_seconds:
            return f"no round of the loop for {silent_seconds:.0f} s"
        return None

    def why_not_ready(self) -> str | None:
        """None while events are read and lists are published."""
        if self._status != "running":
            return self._status
        return None if self._parts.pipeline.publishes else "Redis does not take lists"

    # -- the main line ----------------------------------------------------------------------------------------

    def run(self) -> None:
        """Works until `stop`. Raises what ends a worker: StateError, OwnershipLost, ConfigurationError.

        After an error nothing is written any more: a restart goes on from the last snapshot.
        """
        try:
            if self._open():
                while not self._stopping.is_set():
                    self._round()
                self._drain()
        finally:
            self._close()

    def _round(self) -> None:
        """One poll and all that follows from it."""
        clock = self._parts.clock
        began = clock.monotonic()
        polled = self._poll()
        polled_at = clock.monotonic()
        records = sum(map(len, polled.values()))
        self._parts.observer.polled(records, polled_at - began)
        for number, batch in polled.items():
            if number in self._owned:  # else it was revoked within this poll, and its new owner reads them
                self._parts.pipeline.process(self._owned[number], batch)
        self._parts.observer.processed(records, clock.monotonic() - polled_at)
        self._take_over(self._parts.source.take_assigned())
        self._report_rejected()
        self._refresh(clock.monotonic() - began, idle=records == 0)
        self._timed()
        self._round_at = clock.monotonic()

    def _poll(self) -> Mapping[int, Sequence[Record]]:
        kafka = self._settings.kafka
        try:
            return self._parts.source.poll(kafka.poll_seconds, kafka.max_poll_records)
        except ServiceUnavailable as error:
            log.warning("Kafka refuses us", cause=str(error), remedy=error.remedy)
            self._status = f"waiting for Kafka: {error}"
            self._stopping.wait(FIRST_PAUSE_SECONDS)
            return {}

    def _refresh(self, worked_seconds: float, *, idle: bool) -> None:
        """Behind, refreshing lives on its budget; else it may take what it needs."""
        clock = self._parts.clock
        behind = self._lag_records() > self._settings.kafka.max_poll_records
        self._budget.worked(0.0 if idle else worked_seconds)
        began = clock.monotonic()
        self._parts.pipeline.refresh(list(self._owned.values()), self._budget.seconds if behind else REFRESH_SECONDS)
        self._budget.spent(clock.monotonic() - began if behind else self._budget.seconds)
        self._parts.observer.waiting(sum(len(each.dirty) for each in self._owned.values()))

    def _lag_records(self) -> int:
        lag = self._parts.source.lag_records()
        now_ms = self._parts.clock.now_ms()
        behind_ms = [
            now_ms - self._owned[number].newest_record_ms
            for number, records in lag.items()
            if records > 0 and number in self._owned and self._owned[number].newest_record_ms
        ]
        self._parts.observer.lagging(lag, max(behind_ms, default=0) / 1000.0)
        return sum(lag.values())

    def _report_rejected(self) -> None:
        """Records that not even the client could read."""
        self._reject(self._parts.source.take_rejected())
        lost = self._parts.dead_letters.take_lost()
        if lost:
            self._parts.observer.dead_letters_lost(lost)

    def _timed(self) -> None:
        """What is done by the clock."""
        if self._is_due("catalogue", CATALOGUE_SECONDS):
            self._read_catalogue()
        if self._is_due("popular", self._settings.lists.popular_interval_seconds):
            self._parts.pipeline.publish_popular()
        if self._is_due("checkpoint", self._settings.snapshots.interval_seconds) and self._owned:
            self._checkpoint()

    def _is_due(self, what: str, every_seconds: float) -> bool:
        now = self._parts.clock.monotonic()
        if now < self._due[what]:
            return False
        self._due[what] = now + every_seconds
        return True

    def _read_catalogue(self) -> None:
        try:
            available, rejections = self._parts.catalogue.refresh()
        except ServiceUnavailable as error:
            log.warning("the catalogue cannot be read now", cause=str(error))
            return
        if available:
            self._parts.pipeline.set_available(available, list(self._owned.values()))
        self._reject(rejections)

    def _reject(self, rejections: Sequence[Rejection]) -> None:
        if rejections:
            self._parts.dead_letters.send(rejections)
            self._parts.observer.consumed(0, Counter(each.reason for each in rejections), 0.0)

    # -- starting and stopping --------------------------------------------------------------------------------

    def _open(self) -> bool:
        """Restores what was known and joins the group; False = told to stop before Kafka answered."""
        if self._parts.checkpointer.restore_knowledge():
            log.info("knowledge restored from a snapshot")
        pause_seconds, began = FIRST_PAUSE_SECONDS, self._parts.clock.monotonic()
        while not self._stopping.is_set():
            self._round_at = self._parts.clock.monotonic()
            try:
                self._parts.source.open(self._release)
            except ServiceUnavailable as error:
                self._status = f"waiting for Kafka: {error}"
                log.warning("Kafka is not there yet", cause=str(error), remedy=error.remedy)
                self._give_up_after(began, error)
                self._stopping.wait(pause_seconds)
                pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
            else:
                self._status = "waiting for partitions"
                self._due["checkpoint"] = self._parts.clock.monotonic() + self._settings.snapshots.interval_seconds
                return True
        return False

    def _give_up_after(self, began: float, error: ServiceUnavailable) -> None:
        limit_seconds = self._settings.run.service_wait_seconds
        if limit_seconds and self._parts.clock.monotonic() - began > limit_seconds:
            raise error

    def _drain(self) -> None:
        """Publishes what is due, then leaves a last checkpoint."""
        self._status = "stopping"
        log.info("draining", partitions=sorted(self._owned))
        partitions = list(self._owned.values())
        self._parts.pipeline.refresh(partitions, self._settings.run.drain_seconds / 2)
        if self._owned:
            self._checkpoint()

    def _close(self) -> None:
        for each in (self._parts.source, self._parts.catalogue, self._parts.dead_letters, self._parts.lists):
            try:
                each.close()
            except ServiceUnavailable as error:
                log.warning("closing was not clean", cause=str(error))

    # -- partitions come and go -------------------------------------------------------------------------------

    def _take_over(self, assigned: Sequence[int]) -> None:
        """Restores partitions, makes their epochs durable, and only then lets their records flow."""
        if assigned:
            self._status = "restoring"
            taken = [self._restore(number) for number in assigned]
            self._parts.checkpointer.claim(taken, self._parts.clock.now_ms())
            self._owned |= {each.number: each for each in taken}
            self._parts.observer.owned(sorted(self._owned))
            log.info("partitions taken over", partitions=sorted(assigned))
        if self._owned:
            self._status = "running"

    def _restore(self, number: int) -> OwnedPartition:
        owned, known = self._parts.checkpointer.take(number)
        try:
            owned.next_offset = self._parts.source.begin(number, owned.next_offset if known else None)
        except PositionError as error:
            if self._settings.kafka.on_gap == "stop":
                raise
            log.error("events were lost to retention", partition=number, cause=str(error))
            owned.next_offset = self._parts.source.begin(number, None)
        return owned

    def _release(self, revoked: Sequence[int]) -> None:
        """Runs on the client's thread while the loop is inside `poll`, so the state holds still."""
        mine = [number for number in revoked if number in self._owned]
        if not mine:
            return
        self._checkpoint(mine)
        for number in mine:
            self._parts.pipeline.drop(self._owned.pop(number))
        self._parts.observer.owned(sorted(self._owned))
        log.info("partitions released", partitions=sorted(mine))

    # -- checkpoints ------------------------------------------------------------------------------------------

    def _checkpoint(self, releasing: Sequence[int] = ()) -> None:
        """Steps C1 to C5 of checkpoint.py; when it cannot be written, the last good snapshot stays the truth."""
        clock = self._parts.clock
        began = clock.monotonic()
        try:
            self._parts.dead_letters.flush(FLUSH_SECONDS)
            written = self._parts.checkpointer.write(list(self._owned.values()), clock.now_ms(), releasing)
        except (ServiceUnavailable, SnapshotError) as error:
            self._parts.observer.snapshot_failed(str(error))
            log.error("no snapshot was written", cause=str(error), remedy=error.remedy)
            return
        self._parts.source.commit(written.next_offsets)
        self._parts.observer.snapshot_written(written.size_bytes, clock.monotonic() - began)
