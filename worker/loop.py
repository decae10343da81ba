"""The loop: start, poll, process, refresh, checkpoint, drain, stop."""

from collections import Counter
from collections.abc import Mapping, Sequence
from threading import Event

import structlog

from worker.errors import ServiceUnavailable
from worker.events import Rejection
from worker.ownership import Ownership
from worker.parts import Parts
from worker.ports import Record
from worker.refresh import RefreshBudget
from worker.reloading import reloaded
from worker.rules import ListRules
from worker.settings import Settings

CATALOGUE_SECONDS = CONTROL_SECONDS = 0.2
REMEMBERED_SECONDS = 5.0
REFRESH_SECONDS = 0.25  # longest stretch of refreshing between two polls while the worker keeps up
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 5.0

log = structlog.get_logger(__name__)


class Worker:
    """One member of the group: owns partitions, learns their events, keeps their users' lists fresh."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self._settings = settings
        self._parts = parts
        self._ownership = Ownership(parts, settings.kafka, self._alive)
        self._owned = self._ownership.partitions
        self._stopping = Event()
        self._wanted: Settings | None = None
        self._budget = RefreshBudget(settings.refresh.budget)
        self._status: str | None = "starting"
        self._kafka_trouble: str | None = None
        self._round_at = parts.clock.monotonic()
        tasks = ("remembered", "popular", "similar", "catalogue", "control", "checkpoint")
        self._due = dict.fromkeys(tasks, 0.0)

    # -- asked from other threads -----------------------------------------------------------------------------

    def stop(self) -> None:
        """Asks the loop to drain and end; safe in a signal handler."""
        self._stopping.set()

    def reload(self, settings: Settings) -> None:
        """Asks the loop to take over what may change of the settings; safe in a signal handler."""
        self._wanted = settings

    def why_not_live(self) -> str | None:
        """None while the loop makes its rounds."""
        silent_seconds = self._parts.clock.monotonic() - self._round_at
        if silent_seconds > self._settings.health.stall_seconds:
            return f"no round of the loop for {silent_seconds:.0f} s"
        return None

    def why_not_ready(self) -> str | None:
        """None while events are read and lists are published."""
        not_publishing = None if self._parts.pipeline.publishes else "Redis does not take lists"
        return self._kafka_trouble or self._status or self._ownership.trouble or self._unread() or not_publishing

    def _unread(self) -> str | None:
        """What lists wait for; None = they may be made."""
        if not self._parts.catalogue.may_rank():
            return "the catalogue is not read yet, and the rules need it"
        return None if self._parts.enforcement.has_read else "the control topic, which holds rules, is not read yet"

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
                self._parts.observer.received(number, batch)
                self._parts.pipeline.process(self._owned[number], batch)
        self._parts.observer.processed(records, clock.monotonic() - polled_at)
        if self._is_due("control", CONTROL_SECONDS):
            self._read_control()
        if self._parts.enforcement.has_read:  # what is learned before could not be told from what comes after a request
            self._ownership.take_over()
        if self._status and self._parts.source.joined():
            self._status = None
        self._report_rejected()
        self._refresh(clock.monotonic() - began, idle=records == 0)
        self._timed()
        self._alive()

    def _alive(self) -> None:
        self._round_at = self._parts.clock.monotonic()

    def _poll(self) -> Mapping[int, Sequence[Record]]:
        kafka = self._settings.kafka
        try:
            polled = self._parts.source.poll(kafka.poll_seconds, kafka.max_poll_records)
        except ServiceUnavailable as error:
            self._wait_for_kafka(error, FIRST_PAUSE_SECONDS)
            return {}
        self._kafka_trouble = None
        return polled

    def _wait_for_kafka(self, error: ServiceUnavailable, pause_seconds: float) -> None:
        self._kafka_trouble = f"waiting for Kafka: {error}"
        log.warning("Kafka does not serve us", cause=str(error), remedy=error.remedy)
        self._stopping.wait(pause_seconds)

    def _refresh(self, worked_seconds: float, *, idle: bool) -> None:
        """While there is more to learn, refreshing lives on its budget; else it may take what it needs."""
        clock = self._parts.clock
        behind = self._lag_records() > self._settings.kafka.max_poll_records and not idle
        self._budget.worked(worked_seconds)
        began = clock.monotonic()
        self._make_lists(self._budget.seconds if behind else REFRESH_SECONDS)
        self._budget.spent(clock.monotonic() - began if behind else self._budget.seconds)
        self._parts.observer.waiting(sum(len(each.dirty) for each in self._owned.values()))

    def _make_lists(self, seconds: float) -> None:
        if not self._unread():
            self._parts.pipeline.refresh(list(self._owned.values()), seconds)

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
        """What is done by the clock, or when somebody asked for it."""
        if self._wanted is not None:
            self._take_settings(self._wanted)
        if self._is_due("catalogue", CATALOGUE_SECONDS):
            self._read_catalogue()
            self._parts.pipeline.describing.some()
        if self._is_due("popular", self._settings.lists.popular_interval_seconds):
            self._publish_popular()
        if self._is_due("similar", self._settings.lists.similar_interval_seconds):
            self._publish_similar()
        if self._is_due("remembered", REMEMBERED_SECONDS):
            self._parts.pipeline.tell_remembered(list(self._owned.values()))
            self._parts.enforcement.tell(self._parts.observer)
            self._parts.pipeline.tell_exposure(list(self._owned.values()))
            self._parts.observer.topic_partitions(self._parts.source.partitions())
        self._ownership.checkpoints.advance()
        if self._is_due("checkpoint", self._settings.snapshots.interval_seconds):
            self._ownership.checkpoints.begin()

    def _take_settings(self, wanted: Settings) -> None:
        rules, self._wanted = self._settings.lists, None
        self._settings, changed, waiting = reloaded(self._settings, wanted)
        if self._settings.lists != rules:
            listings = self._parts.catalogue.change_rules(ListRules(self._settings.lists))
            self._parts.pipeline.set_listings(listings, list(self._owned.values()))
        self._parts.observer.snapshot_interval(self._settings.snapshots.interval_seconds)
        log.info("settings were read again", changed=changed, waiting_for_a_restart=waiting)

    def _publish_popular(self) -> None:
        if not self._unread():
            self._parts.pipeline.publish_popular(standing_by=not self._owned)

    def _publish_similar(self) -> None:
        """Whoever stands by has nothing to tell."""
        if self._owned and not self._unread():
            self._parts.pipeline.publish_similar(list(self._owned.values()))

    def _is_due(self, what: str, every_seconds: float) -> bool:
        now = self._parts.clock.monotonic()
        if now < self._due[what]:
            return False
        self._due[what] = now + every_seconds
        return True

    def _read_catalogue(self) -> None:
        try:
            listings, rejections = self._parts.catalogue.refresh()
        except ServiceUnavailable as error:
            log.warning("the catalogue cannot be read now", cause=str(error))
            return
        if listings:
            self._parts.pipeline.set_listings(listings, list(self._owned.values()))
            self._parts.pipeline.describing.add(self._parts.catalogue.known(listings))
            if self._parts.enforcement.catalogue_changed(self._owned):
                self._due["popular"] = 0.0
        self._reject(rejections)

    def _read_control(self) -> None:
        try:
            rules_changed, rejections = self._parts.enforcement.look(self._owned)
        except ServiceUnavailable as error:
            log.warning("the control topic cannot be read now", cause=str(error), remedy=error.remedy)
            return
        if rules_changed:
            self._due["popular"] = 0.0
        self._reject(rejections)

    def _reject(self, rejections: Sequence[Rejection]) -> None:
        if rejections:
            self._parts.dead_letters.send(rejections)
            self._parts.observer.consumed(0, Counter(each.reason for each in rejections), 0.0)

    # -- starting and stopping --------------------------------------------------------------------------------

    def _open(self) -> bool:
        """Restores what was known and joins the group; False = told to stop before Kafka answered."""
        self._parts.observer.snapshot_interval(self._settings.snapshots.interval_seconds)
        if self._parts.restorer.restore_knowledge():
            log.info("knowledge restored from a snapshot")
        pause_seconds, began = FIRST_PAUSE_SECONDS, self._parts.clock.monotonic()
        while not self._stopping.is_set():
            self._alive()
            try:
                self._parts.source.open(self._ownership.release)
            except ServiceUnavailable as error:
                self._give_up_after(began, error)
                self._wait_for_kafka(error, pause_seconds)
                pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
            else:
                self._status, self._kafka_trouble = "waiting for partitions", None
                self._due["checkpoint"] = self._parts.clock.monotonic() + self._settings.snapshots.interval_seconds
                return True
        return False

    def _give_up_after(self, began: float, error: ServiceUnavailable) -> None:
        limit_seconds = self._settings.run.service_wait_seconds
        if limit_seconds and self._parts.clock.monotonic() - began > limit_seconds:
            raise error

    def _drain(self) -> None:
        """Publishes what is out of date, then leaves a last checkpoint. Raises SnapshotError when it cannot."""
        self._status = "stopping"
        log.info("draining", partitions=sorted(self._owned))
        for each in self._owned.values():
            each.dirty.hurry()
        self._make_lists(self._settings.run.drain_seconds / 2)
        self._ownership.checkpoints.run(within_seconds=self._settings.run.drain_seconds / 2)

    def _close(self) -> None:
        """Closes everything, whatever goes wrong on the way."""
        parts = self._parts
        for each in (
            parts.source,
            parts.catalogue,
            parts.enforcement,
            parts.dead_letters,
            parts.lists,
            parts.checkpointer,
        ):
            try:
                each.close()
            except Exception as error:
                log.warning("closing was not clean", what=type(each).__name__, error=str(error))
