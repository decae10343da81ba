"""One worker, three, one again, under load: `python -m tests.benchmarks.scaling` prints JSON.

A partition stands still while no list of its users is written, though they move all the time. Workers bear no names, so
that whoever ends leaves the group at once.
"""

import argparse
import json
import logging
import sys
import tempfile
import time
from pathlib import Path

from tests.support.fault_run import FaultRun, fault_settings
from tests.support.live_worker import WorkerProcess
from tests.support.waiting import wait_for_seconds
from worker.embedded.services import EmbeddedServices

CALM_SECONDS = 10.0


def measured(events_per_second: float, heartbeat_seconds: float) -> dict[str, object]:
    """Figures of one run on services of its own."""
    with tempfile.TemporaryDirectory() as name, EmbeddedServices() as services:
        folder = Path(name)
        settings = fault_settings(services.bootstrap_servers, services.redis_url, "scaling", folder)
        settings |= {"kafka.session_timeout_seconds": 30.0, "kafka.heartbeat_interval_seconds": heartbeat_seconds}
        settings |= {"snapshots.interval_seconds": 5.0, "kafka.instance_id": None}
        with FaultRun(settings, folder, rate=events_per_second, worker=WorkerProcess) as run:
            first = run.start(0, kafka__instance_id=None)
            run.wait_for_share(4)
            wait_for_seconds(CALM_SECONDS)
            began = time.time()
            wait_for_seconds(CALM_SECONDS)
            up = time.time()
            run.start(1, kafka__instance_id=None), run.start(2, kafka__instance_id=None)
            run.wait_for_share(2, 1, 1)
            wait_for_seconds(CALM_SECONDS)
            down = time.time()
            run.workers["w-1"].terminate(), run.workers["w-2"].terminate()
            run.wait_for_share(4, 0, 0)
            wait_for_seconds(CALM_SECONDS)
            end = time.time()
            verdict = run.finish(first)
    return {
        "events": verdict.events,
        "heartbeat_seconds": heartbeat_seconds,
        "stood_still_seconds_steady": round(run.lists.stood_still_seconds(began, up), 2),
        "stood_still_seconds_1_to_3": round(run.lists.stood_still_seconds(up, down), 2),
        "stood_still_seconds_3_to_1": round(run.lists.stood_still_seconds(down, end), 2),
        "users": verdict.users,
        "users_that_lost_their_list": run.lists.removed + len(verdict.missing_lists),
        "faults": verdict.faults(),
    }


def main() -> int:
    """Returns 1 when the oracle found a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=1000.0, help="events a second")
    parser.add_argument("--heartbeat", type=float, default=1.0, help="seconds between heartbeats, as in the settings")
    arguments = parser.parse_args()
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    figures = measured(arguments.rate, arguments.heartbeat)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return int(bool(figures["faults"]))


if __name__ == "__main__":
    sys.exit(main())
