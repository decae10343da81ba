"""Many seeds, or one of them step by step: `python -m tests.recovery.simulator --seeds 10000`, `... --seed 17`."""

import argparse
import gc
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle, islice
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue

from tests.recovery.simulator.quiet import quiet
from tests.recovery.simulator.world import Outcome, World

CHUNK = 100


def outcomes(seeds: Sequence[int]) -> list[Outcome]:
    """Of each seed."""
    with quiet():
        return [World(seed).run() for seed in seeds]


def settle_in(cores: "SimpleQueue[int]") -> None:
    """Keeps a process to one core: of its threads one runs at a time, and waking the next on another core costs more.

    What was imported is left out of the garbage collector's rounds.
    """
    gc.freeze()
    if not cores.empty():
        os.sched_setaffinity(0, {cores.get()})


def cores_for(jobs: int) -> "SimpleQueue[int]":
    """A core for each process, in turn; none where the system does not let us choose."""
    cores: SimpleQueue[int] = SimpleQueue(ctx=get_context())
    if hasattr(os, "sched_getaffinity"):
        for core in islice(cycle(sorted(os.sched_getaffinity(0))), jobs):
            cores.put(core)
    return cores


def many(first: int, seeds: int, jobs: int) -> bool:
    """Prints what they came to, as JSON; whether all promises were kept."""
    began = time.monotonic()
    chunks = [range(start, min(start + CHUNK, first + seeds)) for start in range(first, first + seeds, CHUNK)]
    with ProcessPoolExecutor(jobs, initializer=settle_in, initargs=(cores_for(jobs),)) as pool:
        found = [outcome for chunk in pool.map(outcomes, chunks) for outcome in chunk]
    violations = {outcome.seed: outcome.violation for outcome in found if outcome.violation}
    report = {
        "seeds": len(found),
        "violations": violations,
        "steps": sum(outcome.steps for outcome in found),
        "events": sum(outcome.events for outcome in found),
        "faults": dict(sum((outcome.faults for outcome in found), Counter[str]())),
        "seconds": round(time.monotonic() - began, 1),
        "processes": jobs,
    }
    sys.stdout.write(json.dumps(report, indent=1) + "\n")
    return not violations


def one(seed: int) -> bool:
    """Prints each step of a seed, and what it came to."""
    with quiet():
        world = World(seed, traced=True)
        outcome = world.run()
    sys.stdout.writelines(f"{each}\n" for each in [*(world.scheduler.trace or []), outcome])
    return outcome.violation is None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--seed", type=int, help="only this one, with its trace")
    given = parser.parse_args()
    kept = one(given.seed) if given.seed is not None else many(given.first, given.seeds, given.jobs)
    sys.exit(not kept)


if __name__ == "__main__":
    main()
