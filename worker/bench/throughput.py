"""The worker's rates on a full topic, beside the raw loop's: they take turns, because machines are noisy."""

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from worker.bench.meter import Meter
from worker.bench.plan import Plan
from worker.bench.raw_loop import raw_records_per_second
from worker.bench.services import Services
from worker.bench.stream import Stream
from worker.bench.worker_run import LearnOnly, run_until
from worker.pipeline import Pipeline

SINGLE, BATCHED = "single", "batched"
WAYS: dict[str, tuple[str, type[Pipeline]]] = {
    "learn_only": (SINGLE, LearnOnly),
    "full": (SINGLE, Pipeline),
    "batched": (BATCHED, LearnOnly),
    "batched_full": (BATCHED, Pipeline),
}


@dataclass(slots=True)
class Way:
    """One way to run the worker, over the rounds; rates are in events a second."""

    rates: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    last: Meter = field(default_factory=Meter)

    def add(self, meter: Meter, raw: float) -> None:
        """A run, and the raw loop's rate before it."""
        self.rates.append(meter.events_seen / meter.run_seconds)
        self.ratios.append(self.rates[-1] / raw)
        self.last = meter

    def figures(self) -> dict[str, Any]:
        """The median of the rates; steps and counts are those of the last run."""
        meter = self.last
        return {
            "events_per_second": round(median(self.rates)),
            "ratios_to_raw": [round(ratio, 3) for ratio in self.ratios],
            "records": meter.records,
            "events_learned": meter.events,
            "events_rejected": {reason.value: count for reason, count in meter.rejected.items()},
            "lists_published": meter.lists,
            "run_seconds": round(meter.run_seconds, 3),
            "step_seconds": {step: round(seconds, 3) for step, seconds in meter.seconds.items()},
            "step_calls": dict(meter.calls),
        }


def measure_throughput(services: Services, stream: Stream, plan: Plan, say: Callable[[str], None]) -> dict[str, Any]:
    """Raw loop and worker on the same topic; each ratio is to the raw loop's run just before, their median counts."""
    say(f"filling topics with {len(stream.events):,} events")
    services.fill(SINGLE, stream.events)
    services.fill(BATCHED, stream.events, plan.batch_events)
    _round(services, stream, {name: Way() for name in WAYS})  # compiles, and warms caches
    ways, raw = {name: Way() for name in WAYS}, list[float]()
    for number in range(plan.rounds):
        say(f"throughput, round {number + 1} of {plan.rounds}")
        raw += _round(services, stream, ways)
    ratios = {f"{name}_ratio": round(median(way.ratios), 3) for name, way in ways.items()}
    return (
        {"raw_records_per_second": round(median(raw))}
        | ratios
        | {"throughput": {name: way.figures() for name, way in ways.items()}}
    )


def _round(services: Services, stream: Stream, ways: dict[str, Way]) -> list[float]:
    """Each way once, after the raw loop; returns the raw loop's rates."""
    rates = []
    for name, (topic, pipeline_kind) in WAYS.items():
        rates.append(raw_records_per_second(services.settings(SINGLE).kafka, len(stream.events)))
        services.forget_lists()
        ways[name].add(run_until(services.settings(topic), len(stream.events), pipeline_kind), rates[-1])
    return rates
