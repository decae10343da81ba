"""Ownership: partitions come, are kept safe by checkpoints, and go."""

from collections.abc import Sequence

import structlog

from worker.errors import PositionError, ServiceUnavailable, SnapshotError
from worker.partition import OwnedPartition
from worker.parts import Parts

FLUSH_SECONDS = 5.0
RETRY_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Ownership:
    """The partitions that are ours.

    Attributes:
        partitions: those that are restored and claimed, by number; only their records are learned.
        trouble: why assigned partitions are not ours yet; None = all are.
    """

    def __init__(self, parts: Parts, *, skips_gaps: bool) -> None:
        self.partitions: dict[int, OwnedPartition] = {}
        self.trouble: str | None = None
        self._parts = parts
        self._skips_gaps = skips_gaps
        self._assigned: set[int] = set()
        self._retry_at_seconds = 0.0

    def take_over(self) -> None:
        """Restores what was assigned and makes its epochs durable; what fails for now is tried again later.

        Raises StateError when the state cannot be had, OwnershipLost when we were replaced.
        """
        self._assigned |= set(self._parts.source.take_assigned())
        if self._assigned and self._parts.clock.monotonic() >= self._retry_at_seconds:
            self._try_to_take(sorted(self._assigned))

    def _try_to_take(self, numbers: Sequence[int]) -> None:
        self.trouble = self.trouble or f"restoring partitions {list(numbers)}"
        taken = [self._parts.checkpointer.take(number) for number in numbers]
        try:
            for owned, known in taken:
                self._begin(owned, owned.next_offset if known else None)
            self._parts.checkpointer.claim([owned for owned, _ in taken], self._parts.clock.now_ms())
        except (ServiceUnavailable, SnapshotError) as error:
            self._not_taken([owned for owned, _ in taken], error)
        else:
            self._taken([owned for owned, _ in taken])

    def _begin(self, owned: OwnedPartition, offset: int | None) -> None:
        """Lets the records flow. Until the claim stands, what comes is not learned; a later try begins here again."""
        try:
            owned.next_offset = self._parts.source.begin(owned.number, offset)
        except PositionError as error:
            if not self._skips_gaps:
                raise
            log.error("events were lost to retention", partition=owned.number, cause=str(error))
            owned.next_offset = self._parts.source.begin(owned.number, None)

    def _taken(self, taken: Sequence[OwnedPartition]) -> None:
        self._assigned.clear()
        self.trouble = None
        for each in taken:
            self.partitions[each.number] = each
            self._parts.pipeline.adopt(each)
        self._parts.observer.owned(sorted(self.partitions))
        log.info("partitions taken over", partitions={each.number: each.position for each in taken})

    def _not_taken(self, taken: Sequence[OwnedPartition], error: ServiceUnavailable | SnapshotError) -> None:
        for each in taken:
            self._parts.pipeline.drop(each)
        self._retry_at_seconds = self._parts.clock.monotonic() + RETRY_SECONDS
        self.trouble = f"restoring partitions {sorted(self._assigned)}: {error}"
        log.warning("partitions cannot be taken over now", cause=str(error), remedy=error.remedy)

    def release(self, revoked: Sequence[int]) -> None:
        """Their state is safe when this returns, or stays as the last checkpoint left it.

        Runs on the client's thread while ours is inside `poll`, so the state holds still.
        """
        self._assigned -= set(revoked)
        mine = [number for number in revoked if number in self.partitions]
        if not mine:
            return
        self.checkpoint(mine)
        for number in mine:
            self._parts.pipeline.drop(self.partitions.pop(number))
        self._parts.observer.owned(sorted(self.partitions))
        log.info("partitions released", partitions=sorted(mine))

    def checkpoint(self, releasing: Sequence[int] = ()) -> None:
        """Steps C1 to C5 of checkpoint.py; when it cannot be written, the last one stays the truth.

        Raises OwnershipLost when we were replaced.
        """
        if not self.partitions:
            return
        clock, checkpointer = self._parts.clock, self._parts.checkpointer
        began = clock.monotonic()
        self._flush_dead_letters()
        try:
            written = checkpointer.write(list(self.partitions.values()), clock.now_ms(), releasing)
        except SnapshotError as error:
            self._parts.observer.snapshot_failed(str(error))
            log.error("no snapshot was written", cause=str(error), remedy=error.remedy)
            return
        self._parts.observer.snapshot_written(written.size_bytes, clock.monotonic() - began)
        self._commit(written.next_offsets)
        self._drop_old()

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

    def _drop_old(self) -> None:
        try:
            self._parts.checkpointer.drop_old(self._parts.clock.now_ms())
        except SnapshotError as error:
            log.warning("old snapshots stay for now", cause=str(error), remedy=error.remedy)
