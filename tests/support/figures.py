"""What the benchmarks with an oracle print at their end."""

import argparse
import json
import logging
import sys
from collections.abc import Callable

from tests.support.oracle import Verdict


def judged(verdict: Verdict) -> dict[str, object]:
    """What the oracle counted; `faults` names all that should not be."""
    return {
        "events": verdict.events,
        "users": verdict.users,
        "lost_events": verdict.lost_events,
        "doubled_events": verdict.doubled_events,
        "stale_overwrites": verdict.stale_overwrites,
        "faults": verdict.faults(),
    }


def print_figures(parser: argparse.ArgumentParser, measured: Callable[..., dict[str, object]]) -> int:
    """Measures with the arguments of the command line, by name, and prints JSON; 1 when the oracle found a fault."""
    arguments = vars(parser.parse_args())
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    figures = measured(**arguments)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return int(bool(figures["faults"]))
