"""Events from Kafka: one member of the consumer group that shares the topic's partitions."""

from collections.abc import Callable, Mapping, Sequence

import structlog
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import CommitFailedError, KafkaError, RebalanceInProgressError, RetriableError
from kafka.structs import MemberState
from typing_extensions import override

from worker.adapters.kafka_client import (
    CLOSE_MS,
    UNREADABLE,
    connect_consumer,
    keep_finished_joins,
    known_partitions,
    known_topic_id,
    local_position,
    milliseconds,
    skip_unreadable,
    translated,
    unavailable,
)
from worker.adapters.kafka_coverage import Coverage
from worker.adapters.kafka_membership import Membership
from worker.errors import ANOTHER_TOPIC, PositionError, ServiceUnavailable
from worker.events import Reject, Rejection
from worker.ports import EventSource, Record
from worker.settings import KafkaSettings

METADATA_SECONDS = 30.0  # between two looks for partitions that were added; the client's own choice is 5 minutes
COMMIT_MS = 3000  # the commit only informs: an outage must not hold the worker up for long

log = structlog.get_logger(__name__)


class KafkaEventSource(EventSource):
    """The partitions of the events topic that this worker owns, rebalanced cooperatively.

    Where a partition starts is decided by `begin` alone, never by what the group committed. A record that the
    client cannot read (damaged, unknown compression) is stepped over and told by `take_rejected`.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._rejected: list[Rejection] = []
        self._joined: tuple[KafkaConsumer, Membership] | None = None
        self._coverage = Coverage(settings)
        self._read_topic_id = ""  # known from the first partition on that began

    @override
    def open(self, on_revoked: Callable[[Sequence[int]], None]) -> None:
        """Also raises ServiceUnavailable while the topic does not exist; may be called again then."""
        consumer = self._connect()
        try:
            self._require_topic(consumer)
        except BaseException:  # an interrupt, too, must leave nothing behind; raised again
            consumer.close(autocommit=False, timeout_ms=CLOSE_MS)
            raise
        keep_finished_joins(consumer)
        membership = Membership(consumer, on_revoked)
        consumer.subscribe([self._settings.events_topic], listener=membership)
        self._joined = consumer, membership

    @override
    def poll(self, timeout_seconds: float, max_records: int) -> Mapping[int, Sequence[Record]]:
        """Also raises PositionError when the log was cut, ServiceUnavailable when the broker refuses us."""
        consumer, membership = self._opened()
        polled: Mapping[TopicPartition, Sequence[Record]] = {}
        try:
            polled = consumer.poll(timeout_ms=milliseconds(timeout_seconds), max_records=max_records)
        except UNREADABLE as error:
            self._skip(consumer, error)
        except RetriableError as error:
            log.warning("the broker is away", error=str(error))
        except KafkaError as error:
            raise membership.failure or translated(self._settings, error) from error
        membership.verify()
        self._verify_topic()
        self._coverage.verify(consumer)
        return {partition.partition: records for partition, records in polled.items()}

    @override
    def joined(self) -> bool:
        consumer, _ = self._opened()
        return bool(consumer.group_metadata().state == MemberState.STABLE)

    @override
    def take_assigned(self) -> list[int]:
        return self._opened()[1].take_assigned()

    @override
    def take_rejected(self) -> list[Rejection]:
        rejected, self._rejected = self._rejected, []
        return rejected

    @override
    def topic_id(self) -> str:
        return known_topic_id(self._opened()[0], self._settings.events_topic)

    @override
    def partitions(self) -> int:
        return len(known_partitions(self._joined[0], self._settings.events_topic)) if self._joined else 0

    @override
    def begin(self, partition: int, offset: int | None) -> int:
        """Also raises ServiceUnavailable when the broker does not tell what it holds."""
        consumer, membership = self._opened()
        place = self._place(partition)
        if place not in consumer.assignment():
            raise ValueError(f"partition {partition} is not assigned to us")
        start, end = self._range(consumer, place)
        position = start if offset is None else offset
        if not start <= position <= end:
            raise PositionError(
                f"{place.topic}[{partition}] holds offsets {start} to {end}, not our position {position}",
                "start from a newer snapshot, or remove the snapshots to start from the beginning of the topic",
            )
        consumer.seek(place, position)
        membership.ends[partition] = end
        self._read_topic_id = self.topic_id()
        consumer.resume(place)
        return position

    @override
    def commit(self, next_offsets: Mapping[int, int]) -> None:
        consumer, membership = self._opened()
        offsets = {
            self._place(partition): OffsetAndMetadata(offset, "", -1) for partition, offset in next_offsets.items()
        }
        if membership.calling_back:  # on the client's own thread, which cannot wait for itself
            consumer.commit_async(offsets)
            return
        try:
            consumer.commit(offsets, timeout_ms=COMMIT_MS)
        except KafkaError as error:
            if not _passes(error):
                raise translated(self._settings, error) from error
            log.info("the offsets were not committed this time", error=str(error))

    @override
    def lag_records(self) -> Mapping[int, int]:
        if self._joined is None:
            return {}
        consumer, membership = self._joined
        return {partition: self._lag(consumer, partition, end) for partition, end in membership.ends.items()}

    @override
    def close(self) -> None:
        if self._joined is None:
            return
        (consumer, membership), self._joined = self._joined, None
        membership.leave()
        consumer.close(autocommit=False, timeout_ms=CLOSE_MS)

    def _verify_topic(self) -> None:
        if self._read_topic_id and (now := self.topic_id()) not in ("", self._read_topic_id):
            raise PositionError(
                f"the topic was made anew: we read {self._read_topic_id} of that name, now it is {now}",
                ANOTHER_TOPIC,
            )

    def _opened(self) -> tuple[KafkaConsumer, Membership]:
        if self._joined is None:
            raise RuntimeError("the event source is not open")
        return self._joined

    def _connect(self) -> KafkaConsumer:
        settings = self._settings
        return connect_consumer(
            settings,
            group_id=settings.group_id,
            group_instance_id=settings.instance_id,
            partition_assignment_strategy=[CooperativeStickyAssignor],
            auto_offset_reset="none",
            session_timeout_ms=milliseconds(settings.session_timeout_seconds),
            heartbeat_interval_ms=milliseconds(settings.heartbeat_interval_seconds),
            max_poll_interval_ms=milliseconds(settings.max_poll_interval_seconds),
            max_poll_records=settings.max_poll_records,
            metadata_max_age_ms=milliseconds(METADATA_SECONDS),
        )

    def _require_topic(self, consumer: KafkaConsumer) -> None:
        topic = self._settings.events_topic
        try:
            partitions = consumer.partitions_for_topic(topic)
        except KafkaError as error:
            raise translated(self._settings, error) from error
        if not partitions:
            raise ServiceUnavailable(
                f"Kafka at {self._settings.bootstrap_servers} has no topic {topic}",
                "create it, e.g. by `millrace topics create`, or name another in MILLRACE_KAFKA__EVENTS_TOPIC",
            )

    def _range(self, consumer: KafkaConsumer, place: TopicPartition) -> tuple[int, int]:
        try:
            start = consumer.beginning_offsets([place])[place]
            end = consumer.end_offsets([place])[place]
        except KafkaError as error:
            raise unavailable(self._settings, error) from error
        return start, end

    def _skip(self, consumer: KafkaConsumer, error: KafkaError) -> None:
        try:
            place, offset = skip_unreadable(consumer, error)
        except KafkaError:  # not of a record: the broker's own answer
            raise unavailable(self._settings, error) from error
        self._rejected.append(Rejection(Reject.UNREADABLE, str(error), place.partition, offset, None, None))

    def _lag(self, consumer: KafkaConsumer, partition: int, end: int) -> int:
        """`end` stands in until the first fetch tells the end of the log."""
        place = self._place(partition)
        position = local_position(consumer, place) or 0
        return max(0, max(end, consumer.highwater(place) or 0) - position)

    def _place(self, partition: int) -> TopicPartition:
        return TopicPartition(self._settings.events_topic, partition)


def _passes(error: KafkaError) -> bool:
    """Whether a later commit may succeed: the broker is away, or the group is being rebalanced."""
    if isinstance(error, CommitFailedError) and error.args:
        return isinstance(error.args[0], RebalanceInProgressError)  # the client wraps it
    return isinstance(error, (RetriableError, RebalanceInProgressError))
