"""What the worker notes for others, to topics of Kafka."""

import time
from collections import Counter
from math import inf

import structlog
from typing_extensions import override

from worker.adapters.kafka_outbox import KafkaOutbox
from worker.ports import RecordSink
from worker.settings import KafkaSettings

MOST_WAITING_RECORDS = 2000
TELL_SECONDS = 10.0

log = structlog.get_logger(__name__)


class KafkaNotes(RecordSink):
    """Each topic by an outbox of its own, so that one that cannot be written holds up no other."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._outboxes: dict[str, KafkaOutbox] = {}
        self._lost: Counter[str] = Counter()
        self._told_at_seconds = -inf

    @override
    def send(self, topic: str, key: str, value: bytes | None) -> None:
        if topic not in self._outboxes:
            self._outboxes[topic] = KafkaOutbox(self._settings, MOST_WAITING_RECORDS)
        outbox = self._outboxes[topic]
        self._lost[topic] += outbox.take_failed() + int(not outbox.take(topic, key.encode(), value))
        if self._lost[topic] and time.monotonic() - self._told_at_seconds > TELL_SECONDS:
            log.warning("notes for others were lost", records=dict(+self._lost))
            self._lost.clear()
            self._told_at_seconds = time.monotonic()

    @override
    def close(self) -> None:
        for outbox in self._outboxes.values():
            outbox.close()
