"""The part of `millrace evaluate` that sends the events through a whole worker: its options and its table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from worker.errors import ConfigurationError
from worker.report.served_lines import SERVED_HEAD, served_lines, served_notes

if TYPE_CHECKING:  # loads the models
    from worker.served.plan import Plan

DEFAULT_INTERVALS = "0,0.25,1,10"
DEFAULT_RATE = 100.0

Served = Annotated[
    bool,
    typer.Option(
        "--served", help="Also replay the events through a whole worker, and score the lists that stand in Redis."
    ),
]
RefreshIntervals = Annotated[
    str | None,
    typer.Option(
        "--refresh-intervals",
        metavar="S,S",
        help=f"With --served: seconds within which a user's list is renewed once; default: {DEFAULT_INTERVALS}.",
    ),
]
Rate = Annotated[
    float | None,
    typer.Option("--rate", metavar="N", help=f"With --served: events a second; default: {DEFAULT_RATE:g}."),
]
Speed = Annotated[
    float | None,
    typer.Option(
        "--speed", metavar="X", help="With --served: multiple of the original time: 60 = an hour in a minute."
    ),
]


@dataclass(frozen=True, slots=True)
class ServedOptions:
    """What was said about the replay."""

    wanted: bool
    refresh_intervals: str | None
    rate: float | None
    speed: float | None

    def plan(self) -> "Plan | None":
        """The replay, if one is wanted. Raises ConfigurationError for options that make no sense."""
        from producers.choices import EventTimes
        from producers.pacing import Pace
        from worker.served.plan import Plan

        if not self.wanted:
            if (self.refresh_intervals, self.rate, self.speed) != (None, None, None):
                raise ConfigurationError("a pace or interval without a replay", "give --served with it")
            return None
        rate = DEFAULT_RATE if self.rate is None and self.speed is None else self.rate
        pace = Pace(self.speed, rate, EventTimes.ORIGINAL)
        return Plan(pace, intervals(self.refresh_intervals or DEFAULT_INTERVALS))


def intervals(text: str) -> tuple[float, ...]:
    """Seconds, from 0, in the order given, each once. Raises ConfigurationError."""
    try:
        seconds = tuple(dict.fromkeys(float(word) for word in text.split(",")))
    except ValueError:
        seconds = ()
    if not seconds or not all(0 <= each < float("inf") for each in seconds):
        raise ConfigurationError(
            f"--refresh-intervals {text} are no intervals", f"write seconds from 0, like {DEFAULT_INTERVALS}"
        )
    return seconds


def print_served(console: Console, figures: Mapping[str, Any]) -> None:
    """The table, and what it is to be read with."""
    table = Table(*SERVED_HEAD, box=None, header_style="bold")
    for line in served_lines(figures):
        table.add_row(*line)
    console.print(table)
    for note in served_notes(figures):
        console.print(note, markup=False, soft_wrap=True)
