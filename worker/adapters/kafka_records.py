"""Records that others hand in, to Kafka: written is what Kafka has acknowledged."""

import asyncio
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from kafka import KafkaProducer
from kafka.errors import KafkaError
from typing_extensions import override

from worker.adapters.kafka_client import connect, milliseconds, unavailable
from worker.errors import ServiceUnavailable
from worker.kafka_closing import close_producer
from worker.ports import RecordWriter
from worker.settings import KafkaSettings

LINGER_MS = 2
MOST_WRITES = 32  # at once, each on a thread that waits; more are refused
REFUSE_SECONDS = 1.0  # after a failure, before the next attempt
CLOSE_SECONDS = 2.0


class KafkaRecords(RecordWriter):
    """Connects at the first use. To be used in one event loop.

    While Kafka is away, writes fail at once but for one attempt a second. Not idempotent: such a producer hangs once it
    has given a batch up. A record that is there twice bears the same id or key; one request in flight keeps the order.
    """

    def __init__(self, settings: KafkaSettings, acknowledge_seconds: float) -> None:
        connect_seconds = min(settings.connect_timeout_seconds, acknowledge_seconds)
        timeouts = {"connect_timeout_seconds": connect_seconds, "request_timeout_seconds": acknowledge_seconds}
        self._settings = settings.model_copy(update=timeouts)
        self._acknowledge_seconds = acknowledge_seconds
        self._producer: KafkaProducer | None = None
        self._connecting = threading.Lock()
        self._threads = ThreadPoolExecutor(MOST_WRITES, "write")
        self._writing = 0
        self._written_at_seconds = 0.0
        self._refuse_until_seconds = 0.0

    @override
    async def write(self, topic: str, records: Sequence[tuple[str, bytes | None]]) -> None:
        self._require_hope()
        if self._writing >= MOST_WRITES:
            raise self._away(f"{self._writing} requests wait for it")
        self._writing += 1
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._write, topic, records)
        finally:
            self._writing -= 1

    @override
    def close(self) -> None:
        """Gives up what is not acknowledged by then."""
        self._threads.shutdown()
        if self._producer is not None:
            close_producer(self._producer, CLOSE_SECONDS)
            self._producer = None

    def _write(self, topic: str, records: Sequence[tuple[str, bytes | None]]) -> None:
        begun_seconds = time.monotonic()
        deadline = begun_seconds + self._acknowledge_seconds
        try:
            producer = self._connected(deadline)
            for sent in [producer.send(topic, value=value, key=key.encode()) for key, value in records]:
                sent.get(max(0.0, deadline - time.monotonic()))
        except (KafkaError, ServiceUnavailable) as error:
            if self._written_at_seconds < begun_seconds:  # else it is this topic's trouble, or this partition's
                self._refuse_until_seconds = time.monotonic() + REFUSE_SECONDS
            raise unavailable(self._settings, error) if isinstance(error, KafkaError) else error from error
        self._written_at_seconds = time.monotonic()

    def _connected(self, deadline: float) -> KafkaProducer:
        if not self._connecting.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise self._away("others wait for a connection")
        try:
            self._require_hope()
            if self._producer is None:
                self._producer = connect(
                    KafkaProducer,
                    self._settings,
                    acks="all",
                    enable_idempotence=False,
                    max_in_flight_requests_per_connection=1,
                    linger_ms=LINGER_MS,
                    compression_type="lz4",
                    delivery_timeout_ms=milliseconds(self._acknowledge_seconds) + LINGER_MS,
                    max_block_ms=milliseconds(self._acknowledge_seconds),
                    allow_auto_create_topics=False,
                )
            return self._producer
        finally:
            self._connecting.release()

    def _require_hope(self) -> None:
        if time.monotonic() < self._refuse_until_seconds:
            raise self._away("it did not answer a moment ago")

    def _away(self, why: str) -> ServiceUnavailable:
        return ServiceUnavailable(f"Kafka at {self._settings.bootstrap_servers}: {why}", "send it again later")
