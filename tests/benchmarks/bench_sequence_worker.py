"""What the sequence expert leaves of a worker's rate: `python -m tests.benchmarks.bench_sequence_worker [EVENTS]`.

A real Kafka and a real Valkey of its own, the shipped sample repeated to EVENTS. Workers with the expert and without it
take turns, each from nothing, all else by default, once with every event a lesson (the default) and once as
`millrace bench` sets it, where events are few lessons. Prints JSON: events a second, and the ratio of both.
"""

import json
import statistics
import sys
from dataclasses import asdict
from typing import Any

from models.registry import EXPERTS
from models.warmup import warm_up
from worker.bench.logs import warnings_only
from worker.bench.services import Services, own_services
from worker.bench.stream import read_stream
from worker.bench.worker_run import running_worker
from worker.machine import this_machine
from worker.pipeline import Pipeline

EVENTS = 60_000
ROUNDS = 3
TOPIC = "events"
GIVE_UP_SECONDS = 300.0
SHARES = {"every event a lesson": 1.0, "as millrace bench": 0.001}


def events_per_second(services: Services, events: int, **settings: Any) -> float:
    """By the clock, of a worker that starts from nothing."""
    services.forget_lists()
    with running_worker(services.settings(TOPIC, **settings), None, Pipeline) as meter:
        meter.wait_for_events(events, GIVE_UP_SECONDS)
    return meter.events_seen / meter.run_seconds


def main(events: int) -> None:
    """Measures and prints."""
    warm_up()
    warm_up((*EXPERTS, "sequence"))
    stream = read_stream(None, events)
    report: dict[str, Any] = {"machine": asdict(this_machine()), "events": events}
    with warnings_only(), own_services() as services:
        services.fill(TOPIC, stream.events)
        for name, share in SHARES.items():
            rates: dict[bool, list[float]] = {False: [], True: []}
            for _ in range(ROUNDS):
                for sequence, measured in rates.items():
                    given = {"learning__ranker_share": share, "experts__sequence": sequence}
                    measured.append(events_per_second(services, events, **given))
            report[name] = {
                "without": [round(rate) for rate in rates[False]],
                "with": [round(rate) for rate in rates[True]],
                "ratio": round(statistics.median(b / a for a, b in zip(rates[False], rates[True], strict=True)), 3),
            }
    sys.stdout.write(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS)
