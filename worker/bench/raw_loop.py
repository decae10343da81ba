"""The yardstick: a bare kafka-python poll loop with the worker's own options, which does nothing with the records.

It reads alone, outside any group: joining one is no part of the rate.
"""

from time import monotonic, process_time
from typing import NamedTuple

from worker.adapters.kafka_client import connect_consumer, milliseconds
from worker.errors import ServiceUnavailable
from worker.settings import KafkaSettings

GIVE_UP_SECONDS = 60.0


class RawRun(NamedTuple):
    """From the start of the first poll that brought records to the end of the last one; of all processors."""

    records: int
    seconds: float
    cpu_seconds: float


def run_raw(settings: KafkaSettings, records: int) -> RawRun:
    """Polls at least so many records. Raises ServiceUnavailable when they do not come."""
    consumer = connect_consumer(settings, auto_offset_reset="earliest", max_poll_records=settings.max_poll_records)
    poll, poll_ms, most = consumer.poll, milliseconds(settings.poll_seconds), settings.max_poll_records
    try:
        consumer.subscribe([settings.events_topic])
        polled, deadline = 0, monotonic() + GIVE_UP_SECONDS
        while polled < records and monotonic() < deadline:
            if polled == 0:
                began, began_cpu = monotonic(), process_time()
            polled += sum(map(len, poll(timeout_ms=poll_ms, max_records=most).values()))
        run = RawRun(polled, monotonic() - began, process_time() - began_cpu)
    finally:
        consumer.close(autocommit=False)
    if polled < records:
        raise ServiceUnavailable(f"the records did not come within {GIVE_UP_SECONDS:.0f} s", "try again")
    return run
