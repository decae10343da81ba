"""The yardstick: a bare kafka-python poll loop with the worker's own options, which does nothing with the records.

It reads alone, outside any group: joining one is no part of the rate. And in a process of its own: the collector would
go through all that the models hold.
"""

import subprocess
import sys
from contextlib import nullcontext
from time import monotonic, process_time
from typing import NamedTuple

import msgspec

from worker.adapters.kafka_client import connect_consumer, milliseconds
from worker.collector import few_collections
from worker.errors import MillraceError, ServiceUnavailable
from worker.settings import KafkaSettings

GIVE_UP_SECONDS = 60.0


class RawRun(NamedTuple):
    """From the start of the first poll that brought records to the end of the last one; of all processors."""

    records: int
    seconds: float
    cpu_seconds: float


def run_raw(settings: KafkaSettings, records: int, *, as_the_worker_collects: bool = False) -> RawRun:
    """Polls at least so many records in a new process. Raises MillraceError when they do not come."""
    words = (settings.model_dump_json(), str(records), "few" if as_the_worker_collects else "default")
    command = [sys.executable, "-m", "worker.bench.raw_loop", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=2 * GIVE_UP_SECONDS, check=False)  # noqa: S603
    if done.returncode:
        raise MillraceError(f"the bare loop failed: {' '.join(done.stderr.split())[-300:]}", "try again")
    return msgspec.json.decode(done.stdout, type=RawRun)


def poll_records(settings: KafkaSettings, records: int) -> RawRun:
    """The loop itself. Raises ServiceUnavailable when the records do not come."""
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


def _main() -> None:
    settings = KafkaSettings.model_validate_json(sys.argv[1])
    with few_collections() if sys.argv[3] == "few" else nullcontext():
        run = poll_records(settings, int(sys.argv[2]))
    sys.stdout.write(msgspec.json.encode(run).decode())


if __name__ == "__main__":
    _main()
