"""What an objective is worth in a simulated shop, and what it saves: `python -m tests.benchmarks.bench_objective`.

Lists for purchases, 60,000 events. HR@20 and MRR@20 of the purchases, without and with, by the default weights of kinds
and by low ones of the others; microseconds an event are the processor's time of learning in batches of 5,000, best of
three.
"""

import sys
import time
from dataclasses import replace

from models.batch import Interactions
from models.recommender import Recommender, RecommenderOptions
from models.warmup import warm_up
from producers.simulate import simulate_columns
from worker.offline import aimed
from worker.settings import DEFAULT_KINDS
from worker.tuning.passes import gain_of, run_pass, weighed

EVENTS, USERS, ITEMS, BATCH_EVENTS, ROUNDS = 60_000, 2_000, 2_000, 5_000, 3
OBJECTIVE = "purchase"
LOW_WEIGHTS = {"view_item": 0.02, "add_to_cart": 0.05, "purchase": 1.0}


def shop() -> Interactions:
    """By the default weights of kinds."""
    users, items, times_ms, kinds = simulate_columns(EVENTS, USERS, ITEMS)
    stream = replace(Interactions.of(users, items, times_ms), kinds=kinds)
    return weighed(stream, DEFAULT_KINDS)


def microseconds(stream: Interactions) -> float:
    """Of learning, an event."""
    recommender = Recommender(RecommenderOptions())
    shard = recommender.new_shard()
    began = time.thread_time()
    for start in range(0, len(stream), BATCH_EVENTS):
        recommender.learn(shard, stream.slice(start, start + BATCH_EVENTS))
    return 1e6 * (time.thread_time() - began) / len(stream)


def tell(name: str, plain: Interactions, aim: Interactions) -> None:
    """Quality of lists for purchases, without the objective and with it."""
    passes = [run_pass(stream, RecommenderOptions(), aim.of_objective, "hr_at_20") for stream in (plain, aim)]
    for metric in ("hr_at_20", "mrr_at_20"):
        gain = gain_of(passes[0], passes[1], metric)
        sys.stdout.write(
            f"{name}: {metric} of {gain['scored']} purchases {gain['in_force']:.4f} / {gain['tuned']:.4f} "
            f"({gain['low']:+.4f} to {gain['high']:+.4f})\n"
        )


def main() -> None:
    """Measures and prints."""
    warm_up()
    plain = shop()
    aim = aimed(plain, [OBJECTIVE])
    low = weighed(plain, LOW_WEIGHTS)
    tell("default weights", plain, aim)
    tell("low weights", low, aimed(low, [OBJECTIVE]))
    for name, stream in (("without", plain), ("with", aim)):
        best = min(microseconds(stream) for _ in range(ROUNDS))
        sys.stdout.write(f"{name}: {best:.1f} us an event\n")


if __name__ == "__main__":
    main()
