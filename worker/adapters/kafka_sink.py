"""Rejected records to Kafka: the dead-letter topic."""

import time
from collections.abc import Sequence

import structlog
from typing_extensions import override

from worker.adapters.kafka_outbox import KafkaOutbox
from worker.allowance import Allowance
from worker.events import Rejection
from worker.ports import DeadLetters
from worker.settings import KafkaSettings

MAX_VALUE_BYTES = 900_000  # with key and headers below the usual limit of one record, 1 MB
MAX_KEY_BYTES = 10_000
MAX_DETAIL_CHARACTERS = 1000

log = structlog.get_logger(__name__)


class KafkaDeadLetters(DeadLetters):
    """Parks rejections in the dead-letter topic, with headers that say where they came from, why, and in what trace.

    Key and value stay as received; one that would not fit is cut, and the header `truncated` or `truncated.key`
    tells its size in bytes. Connects at the first rejection. What comes faster than is allowed, or while the service
    is away does not fit into a bounded queue, is lost and counted; the worker never waits for it.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._outbox = KafkaOutbox(settings, settings.dead_letters_waiting)
        self._allowance = Allowance(settings.dead_letters_per_second, time.monotonic())
        self._lost = 0

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
        try:
            self._outbox.flush(timeout_seconds)
        finally:
            self._settle()

    @override
    def close(self) -> None:
        """Gives up what is not acknowledged: `flush` first."""
        self._outbox.close()

    def _take(self, rejection: Rejection) -> bool:
        """Queues it, unless the service is away, or too many wait or came in this second."""
        if not self._allowance.take(time.monotonic()):
            return False
        key, value, headers = _record(self._settings.events_topic, rejection)
        return self._outbox.take(self._settings.dead_letter_topic, key, value, headers)

    def _settle(self) -> None:
        self._lose(self._outbox.take_failed())

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
