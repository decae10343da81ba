"""The part of `millrace evaluate` that sends the events through a whole worker: its options and its table."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from worker.errors import ConfigurationError

if TYPE_CHECKING:  # loads the models
    from worker.served.plan import Plan

DEFAULT_INTERVALS = "0,0.25,1,10"
DEFAULT_RATE = 100.0
METRICS = {"HR@20": "hr_at_20", "MRR@20": "mrr_at_20"}

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
    console.print(_table(figures))
    for note in _notes(figures):
        console.print(note, markup=False, soft_wrap=True)


def _table(figures: Mapping[str, Any]) -> Table:
    """The ideal and each interval, with what was lost."""
    losses = (f"{name} lost, %" for name in METRICS)
    table = Table("served, every", *METRICS, *losses, "outdated", "fresh p99", box=None, header_style="bold")
    table.add_row("event, ideal", *(f"{figures['ideal'][key]:.4f}" for key in METRICS.values()))
    for interval, row in figures["by_refresh_seconds"].items():
        table.add_row(
            f"{interval} s",
            *(f"{row[key]:.4f}" for key in METRICS.values()),
            *(_loss(row, key) for key in METRICS.values()),
            f"{100 * row['outdated']:.0f} %",
            f"{row['freshness_seconds']['p99']:.3f} s",
        )
    return table


def _loss(row: Mapping[str, Any], key: str) -> str:
    """A loss with its interval."""
    low, high = row["loss_interval_percent"][key]
    return f"{row['loss_percent'][key]:.1f} ({low:.1f} to {high:.1f})"


def _notes(figures: Mapping[str, Any]) -> Iterator[str]:
    """What the table is to be read with: the pace, and what casts doubt on a row."""
    pace = figures["pace"]
    how = f"{pace['rate']:,g} events/s" if pace["rate"] else f"{pace['speed']:g} times the original speed"
    gap = pace["users_own_gap_seconds"]["p50"]
    yield (
        f"Replayed at {how}: {pace['seconds']:,.1f} s for each interval"
        + ("." if isnan(gap) else f"; half of the scored events come within {gap:.3g} s of the user's event before.")
    )
    for interval, row in figures["by_refresh_seconds"].items():
        yield from (f"Interval {interval} s: {doubt}" for doubt in _doubts(row))


def _doubts(row: Mapping[str, Any]) -> Iterator[str]:
    if not row["pace_held"]:
        late = row["late_seconds"]
        yield f"the pace was not held: p99 of events {late['p99']:.2f} s late, {row['events_per_second']:,.0f} events/s"
    if not row["kept_up"]:
        yield f"the worker did not keep up: events were learned after up to {row['learned_after_seconds']['p99']:.2f} s"
    if row["events_rejected"]:
        yield f"the worker turned away {sum(row['events_rejected'].values()):,} events that the ideal learned"
