"""The steps of a checkpoint in order: in the background now and then, at once before partitions go and at the end."""

from collections.abc import Mapping, Sequence

import structlog

from worker.checkpoint import Cut, Due, Written
from worker.errors import MillraceError, ServiceUnavailable, SnapshotError
from worker.partition import OwnedPartition
from worker.parts import Parts

FLUSH_SECONDS = 5.0

log = structlog.get_logger(__name__)


class Checkpointing:
    """Runs the steps C1 to C5 of checkpoint.py; when one cannot be written, the last one stays the truth."""

    def __init__(self, parts: Parts, owned: Mapping[int, OwnedPartition]) -> None:
        self._parts = parts
        self._owned = owned
        self._pending: Cut | None = None
        self._began_seconds = 0.0

    def begin(self) -> None:
        """C1; C2 goes on beside the loop. Nothing, while the last one is still being written."""
        if not self._owned and self._parts.enforcement.is_erasing:
            self._drop_old({}, frozenset())
        if self._owned and not self._pending:
            self._began_seconds = self._parts.clock.monotonic()
            self._flush_dead_letters()
            self._pending = self._parts.checkpointer.begin(list(self._owned.values()))
            self._parts.observer.snapshot_copied(self._parts.clock.monotonic() - self._began_seconds)

    def give_up(self) -> None:
        """What is being written would be wrong by now."""
        if self._pending:
            self._parts.checkpointer.give_up(self._pending)
        self._pending = None

    def advance(self) -> None:
        """C3 to C5, if C2 is done by now. Raises OwnershipLost when we were replaced."""
        if self._pending and self._pending.blobs.done():
            try:
                self._finish(self._pending)
            except (ServiceUnavailable, SnapshotError) as error:
                self._failed(error)

    def run(self, releasing: Sequence[int] = (), within_seconds: float | None = None) -> None:
        """All steps at once; partitions in `releasing` are given up.

        Raises SnapshotError when it cannot be written in time, ServiceUnavailable when the store does not answer,
        OwnershipLost when we were replaced.
        """
        self.give_up()
        self.begin()
        if self._pending:
            self._finish(self._pending, releasing, within_seconds)

    def _finish(self, cut: Cut, releasing: Sequence[int] = (), within_seconds: float | None = None) -> None:
        self._pending = None
        clock = self._parts.clock
        written: Written = self._parts.checkpointer.finish(cut, clock.now_ms(), releasing, within_seconds)
        self._parts.observer.snapshot_written(written.size_bytes, clock.monotonic() - self._began_seconds)
        self._commit(written.next_offsets)
        self._drop_old({} if releasing else written.due, written.older)

    def _failed(self, error: MillraceError) -> None:
        """Tells of it; the last one stays the truth."""
        self._parts.observer.snapshot_failed(str(error))
        log.error("no snapshot was written", cause=str(error), remedy=error.remedy)

    def _flush_dead_letters(self) -> None:
        """A snapshot does not wait for ever for a topic that only people read."""
        try:
            self._parts.dead_letters.flush(FLUSH_SECONDS)
        except ServiceUnavailable as error:
            log.warning("dead letters are not acknowledged yet", cause=str(error), remedy=error.remedy)

    def _commit(self, next_offsets: dict[int, int]) -> None:
        try:
            self._parts.source.commit(next_offsets)
        except ServiceUnavailable as error:
            log.warning("the offsets were not committed this time", cause=str(error), remedy=error.remedy)

    def _drop_old(self, due: Due, older: frozenset[str]) -> None:
        """And tells of whom no snapshot holds anything any more."""
        try:
            if any(due.values()) or self._parts.enforcement.is_erasing:
                clean = self._parts.checkpointer.purge(self._parts.clock, older)
                self._parts.enforcement.send_receipts({number: due[number] for number in clean & due.keys()})
            else:
                self._parts.checkpointer.drop_old(self._parts.clock)
        except (ServiceUnavailable, SnapshotError) as error:
            log.warning("old snapshots stay for now", cause=str(error), remedy=error.remedy)
