"""Ownership: partitions come, are kept safe by checkpoints, and go."""

from collections.abc import Callable, Sequence

import structlog

from worker.checkpointing import Checkpointing
from worker.errors import ANOTHER_TOPIC, PositionError, ServiceUnavailable, SnapshotError
from worker.partition import OwnedPartition
from worker.parts import Parts
from worker.settings import KafkaSettings

RETRY_SECONDS = 1.0
HAND_OVER_SHARE = 1 / 3  # of the session: the client sends no heartbeats while a hand-over is written

log = structlog.get_logger(__name__)


class Ownership:
    """The partitions that are ours.

    Attributes:
        partitions: those that are restored and claimed, by number; only their records are learned.
        checkpoints: keep them safe.
        trouble: why assigned partitions are not ours yet; None = all are.
    """

    def __init__(self, parts: Parts, kafka: KafkaSettings, alive: Callable[[], None]) -> None:
        """`alive` is called before each step of a long restore."""
        self.partitions: dict[int, OwnedPartition] = {}
        self.checkpoints = Checkpointing(parts, self.partitions)
        self.trouble: str | None = None
        self._parts = parts
        self._skips_gaps = kafka.on_gap == "skip"
        self._hand_over_seconds = HAND_OVER_SHARE * kafka.session_timeout_seconds
        self._alive = alive
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
        self.checkpoints.give_up()  # it would not hold what we claim now
        try:
            self._parts.manifest_log.seal(numbers, self._parts.clock.now_ms())
        except (ServiceUnavailable, SnapshotError) as error:
            self._not_taken([], error)
            return
        restored, trouble = self._restored(numbers)
        taken = [owned for owned, _ in restored]
        if trouble:
            self._not_taken(taken, trouble)
            return
        try:
            if self._parts.manifest_log.seal(numbers, self._parts.clock.now_ms()):  # it may have learned since we read
                raise SnapshotError(f"another worker had partitions {list(numbers)} meanwhile")
            for owned, known in restored:
                self._begin(owned, owned.next_offset if known else None)
            self._parts.checkpointer.claim(taken, self._parts.clock.now_ms())
        except (ServiceUnavailable, SnapshotError) as error:
            self._not_taken(taken, error)
        else:
            self._taken(taken)

    def _restored(self, numbers: Sequence[int]) -> tuple[list[tuple[OwnedPartition, bool]], ServiceUnavailable | None]:
        """What the store gave, and why it gave no more."""
        restored: list[tuple[OwnedPartition, bool]] = []
        try:
            if not self.partitions:  # others have learned, and dropped what we restored, while we stood by
                self._parts.restorer.restore_knowledge()
            for number in numbers:
                self._alive()
                restored.append(self._parts.restorer.take(number))
        except ServiceUnavailable as error:
            return restored, error
        return restored, None

    def _begin(self, owned: OwnedPartition, offset: int | None) -> None:
        """Lets the records flow. Until the claim stands, what comes is not learned; a later try begins here again."""
        source = self._parts.source
        try:
            if offset is not None:
                _check_topic(owned, source.topic_id())
            owned.next_offset = source.begin(owned.number, offset)
        except PositionError as error:
            if not self._skips_gaps:
                raise
            log.error("events were lost to retention", partition=owned.number, cause=str(error))
            owned.next_offset = source.begin(owned.number, None)
        owned.topic_id = source.topic_id()

    def _taken(self, taken: Sequence[OwnedPartition]) -> None:
        self._assigned.clear()
        self.trouble = None
        for each in taken:
            self.partitions[each.number] = each
            self._parts.pipeline.adopt(each)
            self._parts.enforcement.adopt(each)
        self._parts.observer.owned(sorted(self.partitions))
        log.info("partitions taken over", partitions={each.number: each.position for each in taken})

    def _not_taken(self, taken: Sequence[OwnedPartition], error: ServiceUnavailable | SnapshotError) -> None:
        for each in taken:
            self._parts.pipeline.drop(each)
        self._retry_at_seconds = self._parts.clock.monotonic() + RETRY_SECONDS
        self.trouble = f"restoring partitions {sorted(self._assigned)}: {error}"
        log.warning("partitions cannot be taken over now", cause=str(error), remedy=error.remedy)

    def release(self, revoked: Sequence[int]) -> None:
        """Their state is safe when this returns. Raises SnapshotError when it could not be written in time.

        Then the worker must end: what it knows of items holds events that the next owner will learn again.
        Runs on the client's thread while ours is inside `poll`, so the state holds still.
        """
        self._assigned -= set(revoked)
        mine = [number for number in revoked if number in self.partitions]
        if not mine:
            return
        self.checkpoints.run(mine, self._hand_over_seconds)
        for number in mine:
            self._parts.pipeline.drop(self.partitions.pop(number))
        self._parts.observer.owned(sorted(self.partitions))
        log.info("partitions released", partitions=sorted(mine))


def _check_topic(owned: OwnedPartition, topic_id: str) -> None:
    """Raises PositionError when the position lies in another topic, of the same name."""
    if owned.topic_id and topic_id and owned.topic_id != topic_id:
        raise PositionError(
            f"the topic was made anew: partition {owned.number} was read in {owned.topic_id}, now it is {topic_id}",
            ANOTHER_TOPIC,
        )
