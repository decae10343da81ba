"""Rejected records to Kafka: the dead-letter topic."""

import time
from collections import deque
from collections.abc import Sequence

import structlog
from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.future import Future
from typing_extensions import override

from worker.adapters.kafka_client import connect, unavailable
from worker.allowance import Allowance
from worker.errors import ServiceUnavailable
from worker.events import Rejection
from worker.kafka_closing import close_producer
from worker.ports import DeadLetters
from worker.settings import KafkaSettings

MAX_VALUE_BYTES = 900_000  # with key and headers below the usual limit of one record, 1 MB
MAX_KEY_BYTES = 10_000
MAX_DETAIL_CHARACTERS = 1000
LINGER_MS = 20
FIRST_BLOCK_MS, BLOCK_MS = 2000, 200  # the topic's place is asked for at the first record, over a new connection
RETRY_SECONDS = 10.0
DELIVERY_MS = 600_000
CLOSE_SECONDS = 2.0

log = structlog.get_logger(__name__)


class KafkaDeadLetters(DeadLetters):
    """Parks rejections in the dead-letter topic, with headers that say where they came from, why, and in what trace.

    Key and value stay as received; one that would not fit is cut, and the header `truncated` or `truncated.key`
    tells its size in bytes. Connects at the first rejection. What comes faster than is allowed, or while the service
    is away does not fit into a bounded queue, is lost and counted; the worker never waits for it.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer: KafkaProducer | None = None
        self._unacknowledged: deque[Future] = deque()
        self._allowance = Allowance(settings.dead_letters_per_second, time.monotonic())
        self._lost = 0
        self._retry_at = 0.0

    @override
    def send(self, rejections: Sequence[Rejection]) -> None:
        if not rejections:
            return
        self._settle()
        taken = 0
        for rejection in rejections:
            if not self._take(rejection):
                break
            taken += 1
        self._lose(len(rejections) - taken)

    @override
    def take_lost(self) -> int:
        self._settle()
        lost, self._lost = self._lost, 0
        return lost

    @override
    def flush(self, timeout_seconds: float) -> None:
        if self._producer is None:
            return
        try:
            self._producer.flush(timeout=timeout_seconds)
        except KafkaTimeoutError as error:
            raise unavailable(self._settings, error) from error
        finally:
            self._settle()

    @override
    def close(self) -> None:
        """Gives up what is not acknowledged: `flush` first."""
        if self._producer is not None:
            close_producer(self._producer, CLOSE_SECONDS)
            self._producer = None

    def _take(self, rejection: Rejection) -> bool:
        """Queues it, unless the service is away, or too many wait or came in this second."""
        now_seconds = time.monotonic()
        is_full = len(self._unacknowledged) >= self._settings.dead_letters_waiting
        if now_seconds < self._retry_at or is_full or not self._allowance.take(now_seconds):
            return False
        topic = self._settings.dead_letter_topic
        key, value, headers = _record(self._settings.events_topic, rejection)
        try:
            future = self._connected().send(topic, value=value, key=key, headers=headers)
        except (KafkaError, ServiceUnavailable) as error:
            self._retry_at = time.monotonic() + RETRY_SECONDS
            log.warning("the dead-letter topic cannot be written", error=str(error))
            return False
        self._unacknowledged.append(future)
        return True

    def _connected(self) -> KafkaProducer:
        if self._producer is None:
            # Not idempotent: such a producer hangs for ever once it has given a batch up, and a rejection
            # that stands there twice does no harm.
            self._producer = connect(
                KafkaProducer,
                self._settings,
                acks="all",
                enable_idempotence=False,
                delivery_timeout_ms=DELIVERY_MS,
                max_block_ms=FIRST_BLOCK_MS,
                linger_ms=LINGER_MS,
            )
            try:
                self._producer.partitions_for(self._settings.dead_letter_topic)
            finally:
                self._producer.config["max_block_ms"] = BLOCK_MS
        return self._producer

    def _settle(self) -> None:
        while self._unacknowledged and self._unacknowledged[0].is_done:
            self._lose(int(self._unacknowledged.popleft().failed()))

    def _lose(self, rejections: int) -> None:
        if rejections:
            self._lost += rejections
            log.warning("dead letters were lost", rejections=rejections)


def _record(topic: str, rejection: Rejection) -> tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]:
    """Key, value and headers of the dead letter; the client takes no record with neither key nor value."""
    headers = [
        ("source.topic", topic.encode()),
        ("source.partition", str(rejection.partition).encode()),
        ("source.offset", str(rejection.offset).encode()),
        ("reason", rejection.reason.value.encode()),
        ("detail", rejection.detail[:MAX_DETAIL_CHARACTERS].encode("utf-8", "replace")),
        *rejection.trace,
    ]
    key, value = rejection.key, rejection.value
    if key is not None and len(key) > MAX_KEY_BYTES:
        headers.append(("truncated.key", str(len(key)).encode()))
        key = key[:MAX_KEY_BYTES]
    if value is not None and len(value) > MAX_VALUE_BYTES:
        headers.append(("truncated", str(len(value)).encode()))
        value = value[:MAX_VALUE_BYTES]
    return key, b"" if key is None and value is None else value, headers
