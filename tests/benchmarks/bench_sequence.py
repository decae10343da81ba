"""What the sequence expert costs, by encoder: `python -m tests.benchmarks.bench_sequence FILE [EVENTS]`.

FILE holds events. Prints JSON: events a second that a recommender learns, with the expert's trainer beside it at the
default budget, and the ratio to one without it, measured in turns; processor time of encoding 1,000 users; steps of
training a second on one core; parameters besides the items' vectors.
"""

import json
import statistics
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from models.batch import Interactions
from models.experts.sequence import FORESEEN, foresee_users
from models.foresight import AtOnce
from models.recommender import Recommender, RecommenderOptions
from models.registry import ALL_EXPERTS
from models.sequence_options import SequenceOptions
from models.warmup import warm_up
from tests.benchmarks.bench_renewal import read
from worker.adapters.clock import SystemClock
from worker.machine import this_machine
from worker.settings import ExpertSettings
from worker.trainer import Trainer

ENCODERS = ("attention", "sasrec", "gru", "cnn", "pooled")
BATCH_EVENTS = 500
WARM_UP_EVENTS = 10_000
EVENTS = 40_000
ROUNDS = 3
Figures = dict[str, float]


def events_per_second(stream: Interactions, recommender: Recommender) -> float:
    """By the clock, after a warm-up."""
    shard = recommender.new_shard()
    began = 0.0
    for start in range(0, len(stream), BATCH_EVENTS):
        if start == WARM_UP_EVENTS:
            began = time.perf_counter()
        recommender.learn(shard, stream.slice(start, min(start + BATCH_EVENTS, len(stream))))
    return (len(stream) - WARM_UP_EVENTS) / (time.perf_counter() - began)


def costs(stream: Interactions, options: RecommenderOptions) -> Figures:
    """Of encoding and of training, each alone on one core."""
    recommender = Recommender(options, AtOnce())
    shard = recommender.new_shard()
    recommender.learn(shard, stream.slice(0, WARM_UP_EVENTS))
    model, knowledge, foreseen = recommender.foresight._model, recommender.knowledge, recommender.scratch.foreseen
    assert model
    foresee_users(shard.profiles, shard.users.rows_in_use()[:FORESEEN], foreseen)
    foreseen.asked[:] = True
    began = time.thread_time()
    for _ in range(10):
        model.encode(knowledge.sequence, foreseen, FORESEEN)
    encoded_at, before = time.thread_time(), model.trained[0]
    known = np.flatnonzero(knowledge.events)
    for _ in range(10):
        model.train(knowledge.sequence, 0, known, np.full(len(known), 1 / len(known), np.float32))
    trained_seconds = time.thread_time() - encoded_at
    return {
        "encode_1000_users_milliseconds": round(1e6 * (encoded_at - began) / (10 * FORESEEN), 2),
        "training_steps_per_second": round((model.trained[0] - before) / trained_seconds, 1),
        "parameters": sum(table.size for name, table in model.state.values.items() if name not in ("items", "bias")),
    }


def rates(stream: Interactions, off: RecommenderOptions, on: RecommenderOptions) -> Figures:
    """Learning without and with the expert, in turns."""
    share, with_it, without, left_out, begun = ExpertSettings().sequence_budget, [], [], 0, 0
    for _ in range(ROUNDS):
        without.append(events_per_second(stream, Recommender(off)))
        recommender = Recommender(on, Trainer(share, SystemClock()))
        with_it.append(events_per_second(stream, recommender))
        begun, left_out = (
            begun + recommender.foresight.trainings.begun,
            left_out + recommender.foresight.trainings.left_out,
        )
    ratio = statistics.median(one / other for one, other in zip(with_it, without, strict=True))
    return {
        "events_per_second": round(statistics.median(with_it)),
        "ratio": round(ratio, 3),
        "trainings_begun_share": round(begun / (begun + left_out), 3),
    }


def main(file: Path, events: int) -> None:
    """Measures and prints."""
    off = RecommenderOptions()
    warm_up(ALL_EXPERTS)
    warm_up()
    stream = read(file.parent, file.name.removesuffix(".events.parquet"), events)
    report: dict[str, object] = {"machine": asdict(this_machine()), "file": file.name, "events": events}
    for encoder in ENCODERS:
        on = replace(off, experts=ALL_EXPERTS, sequence=SequenceOptions(encoder=encoder))
        report[encoder] = rates(stream, off, on) | costs(stream, on)
    sys.stdout.write(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else EVENTS)
