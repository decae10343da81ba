"""kill -9 at random moments, again and again."""

import time
from dataclasses import dataclass

import numpy as np

from tests.support.fault_run import FaultRun
from tests.support.oracle import Verdict
from tests.support.waiting import wait_for_seconds

LONGEST_LIFE_SECONDS = 2.0  # with a snapshot each second: kills fall before, within and after its steps


@dataclass(frozen=True)
class Killed:
    """What came of it.

    Attributes:
        outages_seconds: of each kill, until the first list of the next process stood in Redis.
        events_per_second: that were fed meanwhile.
    """

    verdict: Verdict
    outages_seconds: list[float]
    events_per_second: float


def kill_again_and_again(run: FaultRun, kills: int, seed: int = 5) -> Killed:
    """One worker of a static name lives for up to 2 s each time, and is started again at once."""
    outages_seconds = []
    run.start()
    run.serves_again(time.time(), {})
    began, fed = time.monotonic(), run.load.sent
    for life_seconds in np.random.default_rng(seed).uniform(0, LONGEST_LIFE_SECONDS, kills).tolist():
        wait_for_seconds(life_seconds)
        outages_seconds.append(run.kill_and_start(0))
    rate = (run.load.sent - fed) / (time.monotonic() - began)
    return Killed(run.finish(*run.workers.values()), outages_seconds, rate)
