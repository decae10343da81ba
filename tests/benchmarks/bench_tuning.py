"""What may change of a trained model on a stream that drifts.

`python -m tests.benchmarks.bench_tuning FILE BASE FIRST LAST [CHOICE...]`: FILE holds events, BASE is a model that
`millrace train` made from the first FIRST of them. The events from FIRST to LAST are foreseen and learned, the blend
knowing nothing before. Prints JSON, by tuning and learning rate: hit rates of the blend and of the expert alone,
parameters that change besides items', bytes of the expert in a snapshot without the examples, and processor time of
training by event.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from models.batch import Interactions
from models.evaluation import prequential, scored_events, summarize
from models.foresight import AtOnce
from models.recommender import Recommender, RecommenderOptions
from models.registry import EXPERTS
from models.sequence_options import SequenceOptions
from models.warmup import warm_up
from producers.readers import ColumnNames
from worker.assembly import sequence_options
from worker.machine import this_machine
from worker.offline import Selection, read_stream
from worker.settings import ExpertSettings

CHOICES: dict[str, dict[str, object]] = {
    "no expert": {},
    "from nothing": {"sequence_encoder": "attention"},
    "sasrec from nothing": {"sequence_encoder": "sasrec"},
    **{
        f"{tuning} at {rate}": {"sequence_tuning": tuning, "sequence_rate": rate}
        for tuning, rates in {
            "everything": (1e-9, 0.0003, 0.001, 0.003),
            "top": (0.0003, 0.001, 0.003),
            "lora": (0.0003, 0.001, 0.003),
            "prefix": (0.0003, 0.001, 0.003),
        }.items()
        for rate in rates
    },
}


class Timed(AtOnce):
    """Counts processor time of trainings."""

    seconds = 0.0

    def __call__(self, work: Callable[[], None]) -> Callable[[], None]:
        """Does the work."""
        began = time.thread_time()
        done = super().__call__(work)
        self.seconds += time.thread_time() - began
        return done


def measured(stream: Interactions, sequence: SequenceOptions | None) -> dict[str, object]:
    """Figures of one pass, of the events that lists are to foresee."""
    users, items = len(set(stream.users)), len(set(stream.items))
    options = RecommenderOptions(max_users=users, max_items=items)
    if sequence is not None:
        options = RecommenderOptions(
            max_users=users, max_items=items, experts=(*EXPERTS, "sequence"), sequence=sequence
        )
    timed = Timed()
    recommender = Recommender(options, timed)
    outcomes = prequential(recommender, recommender.new_shard(), stream)
    scored = scored_events(outcomes, seen_excluded=recommender.excludes_seen) & stream.of_objective
    figures = summarize(outcomes, scored)
    names = ("hr_at_20", "mrr_at_20")
    report: dict[str, object] = {"blend": [figures[name] for name in names]}
    report["second half"] = [figures["second_half"][name] for name in names]
    if sequence is not None:
        report["alone"] = [figures["experts"]["sequence"][name] for name in names]
        own = {name: each for name, each in recommender.dump().items() if name.startswith("sequence.")}
        values = {name: each for name, each in own.items() if ".training.values." in name}
        report["parameters"] = sum(v.size for n, v in values.items() if not n.endswith((".items", ".values.bias")))
        report["snapshot_bytes"] = sum(each.nbytes for each in own.values())
        report["training_microseconds_per_event"] = round(1e6 * timed.seconds / len(stream), 1)
    return report


def main(file: Path, base: Path, first: int, last: int, chosen: list[str]) -> None:
    """Measures and prints."""
    warm_up((*EXPERTS, "sequence"))
    warm_up()
    whole = read_stream(file, ColumnNames(), Selection())
    stream = whole.slice(first, min(len(whole), last))
    report: dict[str, object] = {"machine": asdict(this_machine()), "file": file.name, "events": len(stream)}
    for name in chosen or CHOICES:
        folder = base if "at" in name.split() else None
        experts = ExpertSettings.model_validate({"sequence": True, "sequence_base": folder, **CHOICES[name]})
        report[name] = measured(stream, sequence_options(experts) if name != "no expert" else None)
        sys.stderr.write(f"{name}: {report[name]}\n")
    sys.stdout.write(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:])
