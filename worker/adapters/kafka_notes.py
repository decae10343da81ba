"""What the worker notes for others, to topics of Kafka."""

import structlog
from typing_extensions import override

from worker.adapters.kafka_outbox import KafkaOutbox
from worker.ports import RecordSink
from worker.settings import KafkaSettings

MOST_WAITING_RECORDS = 2000

log = structlog.get_logger(__name__)


class KafkaNotes(RecordSink):
    """Notes for others; those that are due for long are sent again by whoever they are due from."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._outbox = KafkaOutbox(settings, MOST_WAITING_RECORDS)

    @override
    def send(self, topic: str, key: str, value: bytes | None) -> None:
        lost = self._outbox.take_failed() + int(not self._outbox.take(topic, key.encode(), value))
        if lost:
            log.warning("notes for others were lost", topic=topic, records=lost)

    @override
    def close(self) -> None:
        self._outbox.close()
