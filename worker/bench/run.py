"""START READING HERE: everything that is measured, in one run on services of its own."""

import subprocess
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from os import getloadavg
from pathlib import Path
from typing import Any

from worker.bench.freshness import measure_freshness
from worker.bench.in_process import measure_in_process
from worker.bench.logs import warnings_only
from worker.bench.plan import TARGETS, Plan
from worker.bench.services import own_services
from worker.bench.stream import Stream, read_stream
from worker.bench.throughput import measure_throughput
from worker.embedded.java import find_java
from worker.embedded.kafka_jars import KAFKA_VERSION
from worker.embedded.valkey_server import find_server
from worker.machine import this_machine
from worker.settings import Settings
from worker.warmup import warm_up

LIBRARIES = ("kafka-python", "numpy", "numba", "msgspec", "redis")

Say = Callable[[str], None]


def run_bench(plan: Plan, say: Say) -> dict[str, Any]:
    """Measures everything; `say` is told what comes next. Raises MillraceError when a part cannot run."""
    machine = _machine()
    stream = read_stream(plan.file, plan.events)
    with warnings_only():
        say("loading and compiling the models")
        warm_up(Settings())
        in_process, knowledge = measure_in_process(plan, say)
        say("starting a Kafka and a Valkey of our own; configured ones are not used")
        with own_services() as services:
            throughput = measure_throughput(services, stream, knowledge, plan, say)
            freshness = measure_freshness(services, stream, knowledge, plan, say)
    figures = throughput | in_process | freshness
    return figures | {"targets": _targets(figures), "stream": _stream(stream, plan), "machine": machine}


def _targets(figures: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {"at_least": target, "measured": figures[name], "met": figures[name] >= target}
        for name, target in TARGETS.items()
    }


def _stream(stream: Stream, plan: Plan) -> dict[str, Any]:
    return {
        "file": stream.file,
        "file_events": stream.file_events,
        "events": len(stream.events),
        "own_duplicates": stream.own_duplicates,
        "users": stream.users,
        "items": stream.items,
        "events_per_batched_record": plan.batch_events,
        "rounds": plan.rounds,
    }


def _machine() -> dict[str, Any]:
    """Before anything runs, so that the load is that of others."""
    return asdict(this_machine()) | {
        "load_average_before": [round(load, 2) for load in getloadavg()],
        **{library: version(library) for library in LIBRARIES},
        "kafka": KAFKA_VERSION,
        "java": _first_line(find_java(), "-version"),
        "valkey": _first_line(find_server(), "--version"),
    }


def _first_line(program: Path, option: str) -> str:
    shown = subprocess.run([str(program), option], capture_output=True, text=True, timeout=30, check=True)  # noqa: S603
    return (shown.stdout or shown.stderr).splitlines()[0]
