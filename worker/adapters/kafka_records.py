"""Records that others hand in, to Kafka: written is what Kafka has acknowledged."""

import threading
import time
from collections import deque
from collections.abc import Sequence

from kafka import KafkaProducer
from kafka.errors import KafkaError
from kafka.producer.future import FutureRecordMetadata
from typing_extensions import override

from worker.adapters.kafka_client import connect, milliseconds, unavailable
from worker.errors import ServiceUnavailable
from worker.ports import RecordWriter
from worker.settings import KafkaSettings

LINGER_MS = 2
MAX_WAITING_RECORDS = 50_000  # the client itself does not bound what it holds
DELIVERY_SECONDS = 600.0  # far above any outage: an idempotent producer hangs once it has given a batch up
CLOSE_SECONDS = 2.0


class KafkaRecords(RecordWriter):
    """May be used by many threads at once. Connects at the first use.

    What was not acknowledged in time may still arrive later: events bear ids, by which workers know them again.
    """

    def __init__(self, settings: KafkaSettings, acknowledge_seconds: float) -> None:
        self._settings = settings
        self._acknowledge_seconds = acknowledge_seconds
        self._producer: KafkaProducer | None = None
        self._connecting = threading.Lock()
        self._waiting: deque[tuple[float, FutureRecordMetadata]] = deque()  # since when, as a monotonic clock has it

    @override
    def write(self, topic: str, records: Sequence[tuple[str, bytes | None]]) -> None:
        deadline = time.monotonic() + self._acknowledge_seconds
        self._require_progress()
        try:
            producer = self._connected()
            sent = [producer.send(topic, value=value, key=key.encode()) for key, value in records]
            self._waiting.extend((deadline, future) for future in sent)
            for future in sent:
                future.get(max(0.0, deadline - time.monotonic()))
        except KafkaError as error:
            raise unavailable(self._settings, error) from error

    @override
    def close(self) -> None:
        if self._producer is not None:
            self._producer.close(timeout=CLOSE_SECONDS)
            self._producer = None

    def _require_progress(self) -> None:
        """While what was sent before waits for too long, nothing is added: it would only wait behind it."""
        while self._waiting and self._waiting[0][1].is_done:
            self._waiting.popleft()
        if self._waiting and (len(self._waiting) > MAX_WAITING_RECORDS or self._waiting[0][0] < time.monotonic()):
            raise ServiceUnavailable(
                f"Kafka at {self._settings.bootstrap_servers} acknowledges nothing: {len(self._waiting)} records wait",
                "send it again later",
            )

    def _connected(self) -> KafkaProducer:
        with self._connecting:
            if self._producer is None:
                self._producer = connect(
                    KafkaProducer,
                    self._settings,
                    acks="all",
                    linger_ms=LINGER_MS,
                    compression_type="lz4",
                    delivery_timeout_ms=milliseconds(DELIVERY_SECONDS),
                    max_block_ms=milliseconds(self._acknowledge_seconds),
                    allow_auto_create_topics=False,
                )
            return self._producer
