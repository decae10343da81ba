"""One worker, three, one again, under load: `python -m tests.benchmarks.scaling` prints JSON.

A partition stands still while no list of its users is written, though they move all the time. Workers bear no names, so
that whoever ends leaves the group at once.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.support.fault_run import FaultRun, fault_settings
from tests.support.figures import judged, print_figures
from tests.support.live_worker import WorkerProcess
from tests.support.waiting import wait_for_seconds
from worker.embedded.services import EmbeddedServices


def measured(rate: float, heartbeat: float, calm: float) -> dict[str, object]:
    """Figures of one run on services of its own."""
    with tempfile.TemporaryDirectory() as name, EmbeddedServices() as services:
        folder = Path(name)
        settings = fault_settings(services.bootstrap_servers, services.redis_url, "scaling", folder)
        settings |= {"kafka.session_timeout_seconds": 30.0, "kafka.heartbeat_interval_seconds": heartbeat}
        settings |= {"snapshots.interval_seconds": 5.0, "kafka.instance_id": None}
        with FaultRun(settings, folder, rate=rate, worker=WorkerProcess) as run:
            first = run.start(0, kafka__instance_id=None)
            run.wait_for_share(4)
            wait_for_seconds(calm)
            began = time.time()
            wait_for_seconds(calm)
            up = time.time()
            run.start(1, kafka__instance_id=None), run.start(2, kafka__instance_id=None)
            run.wait_for_share(2, 1, 1)
            wait_for_seconds(calm)
            down = time.time()
            run.workers["w-1"].terminate(), run.workers["w-2"].terminate()
            run.wait_for_share(4, 0, 0)
            wait_for_seconds(calm)
            end = time.time()
            verdict = run.finish(first)
    return {
        **judged(verdict),
        "heartbeat_seconds": heartbeat,
        "stood_still_seconds_steady": round(run.lists.stood_still_seconds(began, up), 2),
        "stood_still_seconds_1_to_3": round(run.lists.stood_still_seconds(up, down), 2),
        "stood_still_seconds_3_to_1": round(run.lists.stood_still_seconds(down, end), 2),
        "users_that_lost_their_list": run.lists.removed + len(verdict.missing_lists),
    }


def main() -> int:
    """Returns 1 when the oracle found a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=1000.0, help="events a second")
    parser.add_argument("--heartbeat", type=float, default=1.0, help="seconds between heartbeats, as in the settings")
    parser.add_argument("--calm", type=float, default=10.0, help="seconds before and after each change")
    return print_figures(parser, measured)


if __name__ == "__main__":
    sys.exit(main())
