"""`millrace bench`: how fast, how fresh, how large."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from worker.commands.options import AsJson
from worker.commands.output import print_json

Quick = Annotated[bool, typer.Option("--quick", help="A look at everything within half a minute; figures are rough.")]
Events = Annotated[
    int | None, typer.Option("--events", min=1000, metavar="N", help="Events in the topic; default: 300,000.")
]
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="FILE", help="Parquet, CSV or JSONL file; default: the shipped Online Retail."),
]


def bench(as_json: AsJson = False, quick: Quick = False, events: Events = None, data: Data = None) -> None:
    """Measure the worker beside a bare kafka-python loop on the same topic, and what the models do on one core.

    Always runs on a Kafka and a Valkey that it starts itself: configured ones are not used. The file's events are
    repeated, at later times, until there are enough. Rates depend on the machine, ratios to the bare loop (raw) much
    less. Takes some minutes. With --json, only the figures are printed on standard output.
    """
    from worker.bench.plan import plan  # the measurement loads the models and the client libraries
    from worker.bench.run import run_bench

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    figures = run_bench(plan(data, events, quick=quick), lambda text: console.print(f"{text} ...", markup=False))
    if as_json:
        print_json(figures)
    else:
        _print(figures)


def _print(figures: dict[str, Any]) -> None:
    console = Console(highlight=False)
    table = Table("", "measured", "target", box=None, header_style="bold")
    for name, measured in _rows(figures).items():
        target = figures["targets"].get(name)
        table.add_row(name.replace("_", " "), measured, "" if target is None else _verdict(target))
    console.print(table)
    stream, machine = figures["stream"], figures["machine"]
    console.print(
        f"{stream['events']:,} events of {stream['file']}, {stream['users']:,} users, {stream['items']:,} items; "
        f"{machine['processor']}, {machine['cores']} cores, load before {machine['load_average_before'][0]}",
        markup=False,
        soft_wrap=True,
    )


def _verdict(target: dict[str, Any]) -> str:
    return f"at least {_number(target['at_least'])}: {'met' if target['met'] else 'MISSED'}"


def _rows(figures: dict[str, Any]) -> dict[str, str]:
    """The headline figures, as text."""
    plain = {name: _number(value) for name, value in figures.items() if isinstance(value, int | float)}
    fresh = {
        f"freshness at {rate} events/s": f"p50 {values['p50']} s, p99 {values['p99']} s"
        for rate, values in figures["freshness_seconds"].items()
    }
    return plain | fresh


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog="Example: millrace bench --json")(bench)
