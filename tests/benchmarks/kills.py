"""kill -9 at random moments under load: `python -m tests.benchmarks.kills` prints JSON.

Kafka, Valkey, the load and the worker, `python -m worker worker`, all run on this machine. The outage is the time from
a kill to the first list that the next process wrote.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from tests.support.fault_run import FaultRun, fault_settings
from tests.support.figures import judged, print_figures
from tests.support.kills import kill_again_and_again
from tests.support.live_worker import WorkerProcess
from worker.embedded.services import EmbeddedServices


def measured(kills: int, rate: float, seed: int) -> dict[str, object]:
    """Figures of one run on services of its own."""
    with tempfile.TemporaryDirectory() as name, EmbeddedServices() as services:
        folder = Path(name)
        settings = fault_settings(services.bootstrap_servers, services.redis_url, "kills", folder)
        settings["kafka.session_timeout_seconds"] = 30.0  # the default: restarts of whole processes lie within it
        with FaultRun(settings, folder, rate=rate, worker=WorkerProcess) as run:
            killed = kill_again_and_again(run, kills, seed)
    return {
        **judged(killed.verdict),
        "kills": kills,
        "events_per_second": round(killed.events_per_second),
        "lists_written": run.lists.writes,
        "looks_at_offsets": run.offsets.looks,
        "outage_seconds_p50": round(float(np.median(killed.outages_seconds)), 2),
        "outage_seconds_max": round(max(killed.outages_seconds), 2),
    }


def main() -> int:
    """Returns 1 when the oracle found a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--rate", type=float, default=5000.0, help="events a second")
    parser.add_argument("--seed", type=int, default=5)
    return print_figures(parser, measured)


if __name__ == "__main__":
    sys.exit(main())
