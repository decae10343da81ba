"""What is lost when fewer events teach the ranker: `python -m tests.benchmarks.bench_ranker_share FOLDER` shows it.

FOLDER holds the data sets; a table is printed. HR@20 and MRR@20 as `millrace evaluate` gives them; microseconds an
event are the processor's time of learning alone, in batches of 1,000, without ranking lists.
"""

import sys
import time
from dataclasses import replace
from pathlib import Path

from models.batch import Interactions
from models.recommender import Recommender, RecommenderOptions
from models.warmup import warm_up
from tests.benchmarks.bench_renewal import read
from worker.offline import Scoring, evaluate

SHARES = (1.0, 1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 64)
STREAMS = {"ml-1m-positive": 100_000, "yoochoose-100k": None, "ifdb": None}
BATCH_EVENTS = 1000


def microseconds(stream: Interactions, options: RecommenderOptions) -> float:
    """Processor time an event, of learning the stream."""
    recommender = Recommender(options)
    shard = recommender.new_shard()
    began = time.thread_time()
    for start in range(0, len(stream), BATCH_EVENTS):
        recommender.learn(shard, stream.slice(start, min(start + BATCH_EVENTS, len(stream))))
    return 1e6 * (time.thread_time() - began) / len(stream)


def main(folder: Path) -> None:
    """Measures and prints."""
    warm_up()
    for name, events in STREAMS.items():
        stream = read(folder, name, events)
        for share in SHARES:
            options = replace(RecommenderOptions(), ranker_share=share)
            figures = evaluate(stream, options, Scoring()).figures
            sys.stdout.write(
                f"| {name} | 1/{1 / share:.0f} | {figures['hr_at_20']:.4f} | {figures['mrr_at_20']:.4f} | "
                f"{figures['mixture']['hr_at_20']:.4f} | {microseconds(stream, options):.1f} |\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
