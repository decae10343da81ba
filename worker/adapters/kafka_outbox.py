"""Records to Kafka that nobody waits for: a bounded queue, and a count of what was lost."""

import time
from collections import deque
from collections.abc import Sequence

import structlog
from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.future import Future

from worker.adapters.kafka_client import connect, unavailable
from worker.errors import ServiceUnavailable
from worker.kafka_closing import close_producer
from worker.settings import KafkaSettings

LINGER_MS = 20
FIRST_BLOCK_MS, BLOCK_MS = 2000, 200  # the topic's place is asked for at the first record, over a new connection
RETRY_SECONDS = 10.0
DELIVERY_MS = 600_000
CLOSE_SECONDS = 2.0

Headers = Sequence[tuple[str, bytes]]

log = structlog.get_logger(__name__)


class KafkaOutbox:
    """Connects at the first record. What does not fit into the queue while the service is away is not taken."""

    def __init__(self, settings: KafkaSettings, most_waiting: int) -> None:
        """At most so many records wait for the broker."""
        self._settings = settings
        self._most_waiting = most_waiting
        self._producer: KafkaProducer | None = None
        self._unacknowledged: deque[Future] = deque()
        self._retry_at = 0.0

    def take(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = ()) -> bool:
        """Queues a record; False = the service is away, or too many wait."""
        if time.monotonic() < self._retry_at or len(self._unacknowledged) >= self._most_waiting:
            return False
        try:
            future = self._connected(topic).send(topic, value=value, key=key, headers=list(headers))
        except (KafkaError, ServiceUnavailable) as error:
            self._retry_at = time.monotonic() + RETRY_SECONDS
            log.warning("a topic cannot be written", topic=topic, error=str(error))
            return False
        self._unacknowledged.append(future)
        return True

    def take_failed(self) -> int:
        """How many of those that were taken have failed since the last call."""
        failed = 0
        while self._unacknowledged and self._unacknowledged[0].is_done:
            failed += int(self._unacknowledged.popleft().failed())
        return failed

    def flush(self, timeout_seconds: float) -> None:
        """Waits until all are acknowledged or lost. Raises ServiceUnavailable after the timeout."""
        if self._producer is None:
            return
        try:
            self._producer.flush(timeout=timeout_seconds)
        except KafkaTimeoutError as error:
            raise unavailable(self._settings, error) from error

    def close(self) -> None:
        """Gives up what is not acknowledged: `flush` first."""
        if self._producer is not None:
            close_producer(self._producer, CLOSE_SECONDS)
            self._producer = None

    def _connected(self, topic: str) -> KafkaProducer:
        if self._producer is None:
            # Not idempotent: such a producer hangs for ever once it has given a batch up, and a record that
            # stands there twice does no harm.
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
                self._producer.partitions_for(topic)
            finally:
                self._producer.config["max_block_ms"] = BLOCK_MS
        return self._producer
