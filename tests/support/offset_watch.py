"""Watches that what a group commits to Kafka is never ahead of what its snapshots hold."""

import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from tests.support.snapshots import newest_offset

EVERY_SECONDS = 0.1


class OffsetWatch:
    """Compares on a thread.

    Attributes:
        looks: comparisons that were made.
        ahead: (partition, committed, in the snapshots) of each that was wrong.
    """

    def __init__(self, settings: Mapping[str, Any], partitions: int) -> None:
        self._settings = settings
        self._places = [TopicPartition(settings["kafka.events_topic"], number) for number in range(partitions)]
        self.looks = 0
        self.ahead: list[tuple[int, int, int]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="offset-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            with suppress(KafkaError), self._consumer() as consumer:
                while not self._stop.wait(EVERY_SECONDS):
                    self._look(consumer)

    def _consumer(self) -> KafkaConsumer:
        return KafkaConsumer(
            bootstrap_servers=self._settings["kafka.bootstrap_servers"],
            group_id=self._settings["kafka.group_id"],
            enable_auto_commit=False,
            reconnect_backoff_max_ms=500,
            request_timeout_ms=3000,
            bootstrap_timeout_ms=3000,
        )

    def _look(self, consumer: KafkaConsumer) -> None:
        """What was committed is read first, so whatever it refers to was written by then."""
        committed = {place.partition: consumer.committed(place, timeout_ms=3000) for place in self._places}
        for partition, offset in committed.items():
            held = newest_offset(self._settings, partition)
            if offset is not None and offset > held:
                self.ahead.append((partition, offset, held))
        self.looks += 1
