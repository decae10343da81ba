"""A compacted topic of Kafka, read whole by everyone: the catalogue, say."""

from collections.abc import Sequence

import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from typing_extensions import override

from worker.adapters.kafka_client import (
    CLOSE_MS,
    UNREADABLE,
    connect_consumer,
    local_position,
    skip_unreadable,
    unavailable,
)
from worker.ports import CompactedTopic
from worker.settings import KafkaSettings

MAX_POLL_RECORDS = 2000
METADATA_MS = 30_000  # a topic or partition that appears later is found within this time

log = structlog.get_logger(__name__)


class KafkaTable(CompactedTopic):
    """Reads a topic outside any group, from its beginning. An absent topic is an empty one.

    Connects at the first use, which may wait and raise ServiceUnavailable; from then on nothing waits.
    """

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self._settings = settings
        self._topic = topic
        self._consumer: KafkaConsumer | None = None
        self._ends: dict[TopicPartition, int] = {}

    @override
    def poll(self) -> Sequence[tuple[str, bytes | None]]:
        """At most `MAX_POLL_RECORDS` pairs. Raises ServiceUnavailable when the broker refuses us."""
        consumer = self._connected()
        try:
            polled = consumer.poll(timeout_ms=0, max_records=MAX_POLL_RECORDS)
        except UNREADABLE as error:
            self._skip(consumer, error)
            return []
        except KafkaError as error:
            raise unavailable(self._settings, error) from error
        named = ((_name(record.key), record.value) for records in polled.values() for record in records)
        return [(name, value) for name, value in named if name]

    @override
    def caught_up(self) -> bool:
        """Raises ServiceUnavailable when it is the first use and no broker answers."""
        consumer = self._connected()
        here = consumer.assignment()
        return all(place in here and (local_position(consumer, place) or 0) >= end for place, end in self._ends.items())

    @override
    def close(self) -> None:
        if self._consumer is not None:
            self._consumer.close(autocommit=False, timeout_ms=CLOSE_MS)
            self._consumer = None

    def _connected(self) -> KafkaConsumer:
        if self._consumer is None:
            # Whatever happens to the topic, reading it again from its beginning gives the same table.
            consumer = connect_consumer(self._settings, auto_offset_reset="earliest", metadata_max_age_ms=METADATA_MS)
            try:
                self._ends = self._end_offsets(consumer)
            except KafkaError as error:
                consumer.close(autocommit=False, timeout_ms=CLOSE_MS)
                raise unavailable(self._settings, error) from error
            consumer.subscribe([self._topic])
            self._consumer = consumer
        return self._consumer

    def _end_offsets(self, consumer: KafkaConsumer) -> dict[TopicPartition, int]:
        partitions = consumer.partitions_for_topic(self._topic)
        places = [TopicPartition(self._topic, partition) for partition in partitions]
        return dict(consumer.end_offsets(places)) if places else {}

    def _skip(self, consumer: KafkaConsumer, error: KafkaError) -> None:
        try:
            place, offset = skip_unreadable(consumer, error)
        except KafkaError:
            raise unavailable(self._settings, error) from error
        log.warning("skipped an unreadable record", topic=self._topic, partition=place.partition, offset=offset)


def _name(key: bytes | None) -> str | None:
    """The record's key as text; None when it names nothing."""
    try:
        return key.decode() if key else None
    except UnicodeDecodeError:
        return None
