"""Freshness under a steady flow: a producer in a process of its own, and the real worker with its defaults."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, process_time
from typing import Any

import numpy as np

from models.recommender import Arrays
from worker.bench.meter import Meter
from worker.bench.plan import Plan
from worker.bench.services import Services
from worker.bench.stream import KIND, Stream
from worker.bench.worker_run import running_worker
from worker.errors import MillraceError

BACKLOG_EVENTS = 50_000
GIVE_UP_SECONDS = 120.0
END_SECONDS = 15.0


def measure_freshness(
    services: Services, stream: Stream, knowledge: Arrays, plan: Plan, say: Callable[[str], None]
) -> dict[str, Any]:
    """By rate: from an event's record time to the visibility of a list that reflects it."""
    by_rate = {}
    for rate in plan.paced_rates:
        say(f"freshness at {rate:,} events/s, for {plan.paced_seconds:g} s")
        by_rate[str(rate)] = _at_rate(services, stream, knowledge, plan, rate)
    return {"freshness_seconds": by_rate}


def _at_rate(services: Services, stream: Stream, knowledge: Arrays, plan: Plan, rate: int) -> dict[str, Any]:
    """The worker first learns a backlog, then settles at the rate, then is measured."""
    topic, backlog = f"paced-{rate}", stream.events.part(0, BACKLOG_EVENTS)
    settled = len(backlog) + round(rate * plan.settle_seconds)
    last = settled + round(rate * plan.paced_seconds)
    services.fill(topic, backlog)
    services.forget_lists()
    with running_worker(services.settings(topic), knowledge) as meter:
        meter.wait_for_events(len(backlog), GIVE_UP_SECONDS)
        with _producer(services, plan, topic, rate, last - len(backlog)):
            meter.wait_for_events(settled, GIVE_UP_SECONDS)
            window = _Window(meter)
            meter.wait_for_events(last, GIVE_UP_SECONDS)
            return window.figures()


class _Window:
    """What a meter counts from now on."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._began, self._began_cpu = monotonic(), process_time()
        self._events = meter.events_seen
        self._lists = len(meter.freshness)
        self._seconds, self._calls = dict(meter.seconds), Counter(meter.calls)

    def figures(self) -> dict[str, Any]:
        """Freshness in seconds; `cpu` = cores that the worker used; `busy` = share of its time by step."""
        meter, seconds = self._meter, monotonic() - self._began
        freshness = np.concatenate([*meter.freshness[self._lists :], np.zeros(0)])
        p50, p99 = np.percentile(freshness, (50, 99)).round(3).tolist() if len(freshness) else (None, None)
        busy = {step: spent - self._seconds.get(step, 0.0) for step, spent in meter.seconds.items()}
        return {
            "p50": p50,
            "p99": p99,
            "longest": round(float(freshness.max()), 3) if len(freshness) else None,
            "lists": len(freshness),
            "events_per_second": round((meter.events_seen - self._events) / seconds),
            "cpu": round((process_time() - self._began_cpu) / seconds, 3),
            "busy": {step: round(spent / seconds, 3) for step, spent in busy.items()},
            "calls": dict(meter.calls - self._calls),
            "waiting_users": meter.waiting_users,
        }


@contextmanager
def _producer(services: Services, plan: Plan, topic: str, rate: int, events: int) -> Iterator[None]:
    """`millrace replay` in a process of its own."""
    options = {
        "--rate": str(rate),
        "--limit": str(events),
        "--event": KIND,
        "--bootstrap-servers": services.embedded.bootstrap_servers,
        "--topic": topic,
    }
    which = [str(plan.file)] if plan.file else ["--sample"]
    words = [word for option in options.items() for word in option]
    command = [sys.executable, "-m", "producers", "replay", *which, "--loop", *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)  # noqa: S603
    try:
        yield
        _, said = process.communicate(timeout=END_SECONDS)
        if process.returncode:
            raise MillraceError(f"the producer failed: {said.strip()}", "try again")
    finally:
        process.kill()
        process.wait()
