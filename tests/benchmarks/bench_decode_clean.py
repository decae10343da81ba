"""What decoding and cleaning cost: `python tests/benchmarks/bench_decode_clean.py` prints JSON.

Polls of fresh events, none of them rejected: 5,000 records of one event (105 bytes), then 100 records of 50 events.
"""

import sys
from collections.abc import Sequence
from time import thread_time

import msgspec
import numpy as np

from worker.adapters.memory_source import MemoryRecord
from worker.settings import CleanSettings, EventSettings
from worker.steps.clean import Cleaner
from worker.steps.decode import Decoder

POLLS, EVENTS_PER_POLL = 40, 5000
FIRST_MS = 1_700_000_000_000
USERS, ITEMS = 200_000, 20_000
WARM_UP_POLLS = 2


def polls(events_per_record: int) -> list[list[MemoryRecord]]:
    """Records of random events, 10 ms apart."""
    draw = np.random.default_rng(7)
    events = POLLS * EVENTS_PER_POLL
    users, items = draw.integers(0, USERS, events), draw.integers(0, ITEMS, events)
    lines = [
        b'{"user_id":"user%06d","item_id":"item%05d","event":"view_item","ts":%d,"event_id":"%06x"}'
        % (user, item, FIRST_MS + 10 * place, place)
        for place, (user, item) in enumerate(zip(users, items, strict=True))
    ]
    values = [b"\n".join(lines[place : place + events_per_record]) for place in range(0, events, events_per_record)]
    records = [
        MemoryRecord(offset, FIRST_MS + 10 * offset * events_per_record, b"key", value)
        for offset, value in enumerate(values)
    ]
    size = EVENTS_PER_POLL // events_per_record
    return [records[start : start + size] for start in range(0, len(records), size)]


def measure(batches: Sequence[Sequence[MemoryRecord]]) -> dict[str, float]:
    """Median and best nanoseconds of CPU an event, of both steps; warmed up. Other processes do not count."""
    decoder, cleaner = Decoder(EventSettings()), Cleaner(CleanSettings())
    decoding, cleaning = [], []
    for batch in batches:
        start = thread_time()
        decoded = decoder.decode(0, batch)
        middle = thread_time()
        cleaned = cleaner.clean(decoded)
        end = thread_time()
        if len(cleaned.batch) != EVENTS_PER_POLL:
            raise RuntimeError(f"events were rejected: {cleaned.rejected}")
        decoding.append(middle - start)
        cleaning.append(end - middle)
    parts = {"decode": decoding[WARM_UP_POLLS:], "clean": cleaning[WARM_UP_POLLS:]}
    to_ns = 1e9 / EVENTS_PER_POLL
    median = {f"{name}_ns_per_event": float(np.median(seconds)) * to_ns for name, seconds in parts.items()}
    best = {f"{name}_ns_per_event_best": min(seconds) * to_ns for name, seconds in parts.items()}
    return {"events_per_second": 1e9 / sum(median.values())} | median | best


def main() -> None:
    """Measures and prints."""
    measured = {f"{size}_events_a_record": measure(polls(size)) for size in (1, 50)}
    rounded = {name: {key: round(value) for key, value in part.items()} for name, part in measured.items()}
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(rounded)).decode() + "\n")


if __name__ == "__main__":
    main()
