"""Writes events and catalogue to Kafka; the only file here that knows the client library."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Any, Self

import msgspec
from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError, TopicAlreadyExistsError

from producers.columns import EventColumns
from producers.keys import place_of
from worker.errors import ConfigurationError, ServiceUnavailable
from worker.events import Item
from worker.kafka_closing import close_producer
from worker.kafka_security import security_options
from worker.settings import KafkaSettings

LINGER_MS = 5
BATCH_BYTES = 256 << 10
DELIVERY_SECONDS = 600.0  # far above any outage: an idempotent producer hangs once it has given a batch up
MAX_UNACKNOWLEDGED_RECORDS = 50_000  # the client itself does not bound what it holds
CACHED_USERS = 1 << 18
REMEDY = "start Kafka, or name another with --bootstrap-servers or MILLRACE_KAFKA__BOOTSTRAP_SERVERS"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it is created when absent.

    Attributes:
        compacted: keep the newest record of each key for ever.
    """

    name: str
    partitions: int
    compacted: bool = False


def standard_topics(settings: KafkaSettings) -> list[Topic]:
    """The topics that a worker reads and writes."""
    return [
        Topic(settings.events_topic, settings.partitions),
        Topic(settings.items_topic, 1, compacted=True),
        Topic(settings.control_topic, 1, compacted=True),
        Topic(settings.review_topic, 1, compacted=True),
        Topic(settings.audit_topic, 1),
        Topic(settings.dead_letter_topic, 1),
    ]


def ensure_topics(settings: KafkaSettings, topics: Sequence[Topic]) -> list[str]:
    """Creates the topics that are absent, with the broker's default replication; returns their names.

    Topics that exist are left alone. Raises ServiceUnavailable when no broker answers.
    """
    with _kafka_errors(settings):
        admin = KafkaAdminClient(**_connection(settings))
        try:
            there = set(admin.list_topics())
            absent = [topic for topic in topics if topic.name not in there]
            for topic in absent:
                with suppress(TopicAlreadyExistsError):  # another one was faster
                    admin.create_topics({topic.name: _as_created(topic)})
            admin.wait_for_topics([topic.name for topic in topics])
        finally:
            admin.close()
    return [topic.name for topic in absent]


def remove_topics(settings: KafkaSettings, topics: Sequence[Topic]) -> None:
    """Deletes topics with all that is in them; those that are absent are passed over.

    Raises ServiceUnavailable when no broker answers.
    """
    with _kafka_errors(settings):
        admin = KafkaAdminClient(**_connection(settings))
        try:
            there = set(admin.list_topics())
            admin.delete_topics([topic.name for topic in topics if topic.name in there])
        finally:
            admin.close()


def _as_created(topic: Topic) -> dict[str, Any]:
    configs = {"cleanup.policy": "compact"} if topic.compacted else {}
    return {"num_partitions": topic.partitions, "configs": configs}


class KafkaWriter:
    """Writes events to one topic, each user's events in order and in the partition of the user's id.

    With `batch_events` above 1, a record holds up to that many events as JSON lines: events of one partition
    that were written together; such records bear no key.
    """

    def __init__(self, settings: KafkaSettings, *, batch_events: int = 1, acknowledge_seconds: float = 120.0) -> None:
        """Connects; raises ServiceUnavailable when no broker answers or the topic does not exist.

        All methods raise it when Kafka acknowledges nothing within `acknowledge_seconds`, or refuses a record.
        """
        self._settings = settings
        self._topic = settings.events_topic
        self._batch_events = batch_events
        self._acknowledge_seconds = acknowledge_seconds
        self._encode = msgspec.json.Encoder().encode
        self._unacknowledged: deque[list[Any]] = deque()
        self._unacknowledged_records = 0
        with _kafka_errors(settings):
            self._producer = _connect(settings)
            try:
                partitions = sorted(self._producer.partitions_for(self._topic))
            except KafkaError:
                self.close()
                raise
        self._partition_of = _partitioner(partitions)

    def write(self, events: EventColumns) -> None:
        with _kafka_errors(self._settings):
            sent = self._send_batched(events) if self._batch_events > 1 else self._send_single(events)
            self._remember(sent)

    def write_items(self, items: Iterable[Item]) -> int:
        """Writes the catalogue to its topic, keyed by item; returns how many items there were."""
        send, topic = self._producer.send, self._settings.items_topic
        with _kafka_errors(self._settings):
            sent = [send(topic, self._encode(item), item.item_id.encode()) for item in items]
            self._remember(sent)
        return len(sent)

    def flush(self) -> None:
        with _kafka_errors(self._settings):
            self._producer.flush(self._acknowledge_seconds)
            self._acknowledge(0)

    def close(self, *, forget: bool = True) -> None:
        """Disconnects; what is not acknowledged yet is dropped unless `forget` is false."""
        if not close_producer(self._producer, 0.0 if forget else self._acknowledge_seconds) and not forget:
            cause = f"Kafka at {self._settings.bootstrap_servers} did not acknowledge all within"
            raise ServiceUnavailable(f"{cause} {self._acknowledge_seconds:g} s", REMEDY)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(forget=error is not None)

    def _send_single(self, events: EventColumns) -> list[Any]:
        send, topic, encode, partition_of = self._producer.send, self._topic, self._encode, self._partition_of
        return [
            send(topic, encode(event), event.user_id.encode(), None, partition_of(event.user_id))
            for event in events.interactions()
        ]

    def _send_batched(self, events: EventColumns) -> list[Any]:
        send, most = self._producer.send, self._batch_events
        by_partition: dict[int, list[bytes]] = {}
        for event in events.interactions():
            by_partition.setdefault(self._partition_of(event.user_id), []).append(self._encode(event))
        return [
            send(self._topic, b"\n".join(lines[begin : begin + most]), None, None, partition)
            for partition, lines in by_partition.items()
            for begin in range(0, len(lines), most)
        ]

    def _remember(self, sent: list[Any]) -> None:
        self._unacknowledged.append(sent)
        self._unacknowledged_records += len(sent)
        self._acknowledge(MAX_UNACKNOWLEDGED_RECORDS)

    def _acknowledge(self, most_left: int) -> None:
        """Waits until at most so many records are not acknowledged; raises the first failure among the others."""
        while self._unacknowledged and (self._unacknowledged_records > most_left or self._oldest_is_done()):
            oldest = self._unacknowledged.popleft()
            self._unacknowledged_records -= len(oldest)
            for future in oldest:
                if not future.succeeded():
                    future.get(self._acknowledge_seconds)

    def _oldest_is_done(self) -> bool:
        return all(future.is_done for future in self._unacknowledged[0])


def _connect(settings: KafkaSettings) -> Any:
    return KafkaProducer(
        **_connection(settings),
        acks="all",
        compression_type="lz4",
        linger_ms=LINGER_MS,
        batch_size=BATCH_BYTES,
        delivery_timeout_ms=int(DELIVERY_SECONDS * 1000),
        max_block_ms=int(settings.connect_timeout_seconds * 1000),
        allow_auto_create_topics=False,
        metrics_enabled=False,
    )


def _connection(settings: KafkaSettings) -> dict[str, Any]:
    if not settings.bootstrap_servers:
        raise ConfigurationError("no Kafka is named", REMEDY)
    return {
        "bootstrap_servers": settings.bootstrap_servers.split(","),
        "bootstrap_timeout_ms": int(settings.connect_timeout_seconds * 1000),
        "request_timeout_ms": int(settings.request_timeout_seconds * 1000),
        "reconnect_backoff_max_ms": int(settings.reconnect_backoff_max_seconds * 1000),
        **security_options(settings),
    }


def _partitioner(partitions: Sequence[int]) -> Callable[[str], int]:
    """The partition of a user as every Kafka client computes it from a key."""

    @lru_cache(maxsize=CACHED_USERS)
    def partition_of(user_id: str) -> int:
        return partitions[place_of(user_id, len(partitions))]

    return partition_of


@contextmanager
def _kafka_errors(settings: KafkaSettings) -> Iterator[None]:
    try:
        yield
    except MessageSizeTooLargeError as error:
        raise ConfigurationError(f"a record is too large: {error}", "use a smaller --batch") from error
    except KafkaError as error:
        raise ServiceUnavailable(f"Kafka at {settings.bootstrap_servers} is not available: {error}", REMEDY) from error
