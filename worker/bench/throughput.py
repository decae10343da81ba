"""The worker's rates on a full topic, beside the raw loop's: they take turns, because machines are noisy."""

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from models.recommender import Arrays
from worker.bench.meter import Meter
from worker.bench.plan import Plan
from worker.bench.raw_loop import RawRun, run_raw
from worker.bench.services import Services
from worker.bench.stream import Stream, read_stream
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
    """One way to run the worker, over the rounds: each run with the raw loop's run just before."""

    runs: list[tuple[Meter, RawRun]] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """Events a second of the worker to records a second of the raw loop, by the clock."""
        return [(meter.events_seen / meter.run_seconds) / (raw.records / raw.seconds) for meter, raw in self.runs]

    @property
    def ratios_by_cpu(self) -> list[float]:
        """The same by the time of the processors, which other processes do not take away."""
        return [(meter.events_seen / meter.cpu_seconds) / (raw.records / raw.cpu_seconds) for meter, raw in self.runs]

    def figures(self) -> dict[str, Any]:
        """Medians over the rounds; steps and counts are those of the last run."""
        meter = self.runs[-1][0]
        return {
            "events_per_second": round(median(meter.events_seen / meter.run_seconds for meter, _ in self.runs)),
            "ratios": [round(ratio, 3) for ratio in self.ratios],
            "ratios_by_cpu": [round(ratio, 3) for ratio in self.ratios_by_cpu],
            "records": meter.records,
            "events_learned": meter.events,
            "events_rejected": {reason.value: count for reason, count in meter.rejected.items()},
            "lists_published": meter.lists,
            "run_seconds": round(meter.run_seconds, 3),
            "cpu_seconds": round(meter.cpu_seconds, 3),
            "step_seconds": {step: round(seconds, 3) for step, seconds in meter.seconds.items()},
            "step_calls": dict(meter.calls),
        }


def measure_throughput(
    services: Services, stream: Stream, knowledge: Arrays, plan: Plan, say: Callable[[str], None]
) -> dict[str, Any]:
    """Raw loop and worker on the same topic; each ratio is to the raw loop's run just before, their median counts."""
    streams = {SINGLE: stream, BATCHED: read_stream(plan.file, plan.batched_times * plan.events)}
    for topic, events_a_record in ((SINGLE, 1), (BATCHED, plan.batch_events)):
        say(f"filling a topic with {len(streams[topic].events):,} events")
        services.fill(topic, streams[topic].events, events_a_record)
    ways = {name: Way() for name in WAYS}
    if plan.rounds > 1:
        say("throughput, a round that does not count")
        _round(services, streams, knowledge, {name: Way() for name in WAYS})
    tuned = list[RawRun]()
    for number in range(plan.rounds):
        say(f"throughput, round {number + 1} of {plan.rounds}")
        _round(services, streams, knowledge, ways)
        kafka = services.settings(SINGLE).kafka
        tuned.append(run_raw(kafka, len(stream.events), as_the_worker_collects=True))
    return {
        "raw_records_per_second": _rate([raw for way in ways.values() for _, raw in way.runs]),
        "raw_as_the_worker_collects": _rate(tuned),
        **{f"{name}_ratio": round(median(way.ratios), 3) for name, way in ways.items()},
        "ratios_by_cpu": {name: round(median(way.ratios_by_cpu), 3) for name, way in ways.items()},
        "throughput": {name: way.figures() for name, way in ways.items()},
    }


def _rate(runs: list[RawRun]) -> int:
    return round(median(run.records / run.seconds for run in runs))


def _round(services: Services, streams: dict[str, Stream], knowledge: Arrays, ways: dict[str, Way]) -> None:
    """Each way once, after the raw loop."""
    for name, (topic, pipeline_kind) in WAYS.items():
        raw = run_raw(services.settings(SINGLE).kafka, len(streams[SINGLE].events))
        services.forget_lists()
        events = len(streams[topic].events)
        ways[name].runs.append((run_until(services.settings(topic), knowledge, events, pipeline_kind), raw))
