"""START READING HERE: services up, models compiled meanwhile, worker and feed on stage, a summary at the end."""

from collections.abc import Callable
from contextlib import suppress

from worker.demo import places
from worker.demo.displays import Display
from worker.demo.log_file import logging_into
from worker.demo.plan import Plan
from worker.demo.statistics import Statistics
from worker.demo.summary import Summary, summary_of
from worker.demo.task import Task
from worker.machine import this_machine

LOG_FILE = "worker.log"

Play = Callable[[places.Place, Statistics, Display, Plan], None]


def run_demo(plan: Plan, display: Display, began: float) -> Summary:
    """Runs the demo until its seconds are over, or SIGINT or SIGTERM, and sums up. Raises MillraceError.

    `began` is when the command did, on the monotonic clock.
    """
    statistics = Statistics()
    with suppress(KeyboardInterrupt):  # Ctrl-C before the worker took it over, or a second one
        _run(plan, display, statistics)
    figures, first_list_at = statistics.figures(), statistics.first_list_at
    return summary_of(figures, None if first_list_at is None else first_list_at - began, this_machine())


def _run(plan: Plan, display: Display, statistics: Statistics) -> None:
    loading = Task("models", _load)
    with places.opened(plan.folder) as place, logging_into(place.folder / LOG_FILE):
        if loading.running:
            display.note("Compiling the models: half a minute, once ...")
        play = loading.result()
        display.note("Starting the worker ...")
        play(place, statistics, display, plan)
        display.note("Stopping ...")


def _load() -> Play:
    """The running part takes seconds to load and to compile: meanwhile the services start."""
    from worker.demo import stage

    stage.warm_up()
    return stage.play
