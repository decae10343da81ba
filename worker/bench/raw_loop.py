"""The yardstick: a bare kafka-python poll loop with the worker's own options, which does nothing with the records.

It reads alone, outside any group: joining one is no part of the rate.
"""

from time import perf_counter

from worker.adapters.kafka_client import connect_consumer, milliseconds
from worker.errors import ServiceUnavailable
from worker.settings import KafkaSettings

GIVE_UP_SECONDS = 60.0


def raw_records_per_second(settings: KafkaSettings, records: int) -> float:
    """Polls so many records, and no more than polls them; from the first poll that brought any to the last one."""
    consumer = connect_consumer(settings, auto_offset_reset="earliest", max_poll_records=settings.max_poll_records)
    poll, poll_ms = consumer.poll, milliseconds(settings.poll_seconds)
    try:
        consumer.subscribe([settings.events_topic])
        polled, started = 0, perf_counter()
        while polled == 0:
            began = perf_counter()
            polled = sum(map(len, poll(timeout_ms=poll_ms, max_records=settings.max_poll_records).values()))
            _give_up_after(started)
        while polled < records:
            polled += sum(map(len, poll(timeout_ms=poll_ms, max_records=settings.max_poll_records).values()))
            _give_up_after(started)
        return polled / (perf_counter() - began)
    finally:
        consumer.close(autocommit=False)


def _give_up_after(started: float) -> None:
    if perf_counter() - started > GIVE_UP_SECONDS:
        raise ServiceUnavailable(f"the records did not come within {GIVE_UP_SECONDS:.0f} s", "try again")
