"""`millrace demo`: everything at once, on one screen."""

from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from worker.commands.options import AsJson
from worker.commands.output import print_json

if TYPE_CHECKING:  # loads msgspec and pydantic
    from worker.demo.displays import Display
    from worker.demo.summary import Summary

DEFAULT_RATE = 1000.0

Rate = Annotated[float, typer.Option("--rate", min=1, max=20_000, metavar="N", help="Events a second.")]
Seconds = Annotated[
    float | None,
    typer.Option("--seconds", min=1, metavar="N", help="End after N seconds, counted from the first event."),
]
Folder = Annotated[
    Path | None,
    typer.Option("--folder", metavar="FOLDER", help="Keep all data here and go on from them; default: they go."),
]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Do not open the console in a browser.")]


def demo(
    rate: Rate = DEFAULT_RATE,
    seconds: Seconds = None,
    folder: Folder = None,
    no_browser: NoBrowser = False,
    as_json: AsJson = False,
) -> None:
    """Show a worker at work: real Kafka and Redis, a real shop's purchases, fresh lists.

    Starts a Kafka and a Valkey of its own, unless MILLRACE_KAFKA__BOOTSTRAP_SERVERS and MILLRACE_REDIS__URL name
    running ones; there it uses topics of its own and takes them away again. On a desktop, the live console opens in a
    browser, at the page of the user who is followed. Ctrl-C ends all and shows a summary. With --json, only the summary
    is printed on standard output, and progress goes to standard error.
    """
    began = monotonic()
    display = _display(as_json)
    display.note("Starting Kafka and Redis ...")
    from worker.demo.console import has_display
    from worker.demo.plan import Plan
    from worker.demo.session import run_demo  # loads the client libraries

    browser = not no_browser and not as_json and Console().is_terminal and has_display()
    summary = run_demo(Plan(rate, seconds, folder, browser), display, began)
    if as_json:
        print_json(summary)
    else:
        _print(summary)


def _display(as_json: bool) -> "Display":
    from worker.demo.displays import LineDisplay, LiveDisplay

    console = Console(highlight=False)
    if as_json or not console.is_terminal or console.is_dumb_terminal:
        return LineDisplay(lambda text: typer.echo(text, err=as_json))
    return LiveDisplay(console)


def _print(summary: "Summary") -> None:
    from worker.demo.texts import counts_text, rate_text, seconds_text

    rows = {
        "events consumed": f"{summary.events_consumed:,} in {seconds_text(summary.seconds)}",
        "events rejected": counts_text(summary.rejected_by_reason) or "none",
        "lists published": f"{summary.lists_published:,}, the first after {seconds_text(summary.first_list_seconds)}",
        "freshness": f"p50 {seconds_text(summary.freshness_seconds.p50)}, "
        f"p99 {seconds_text(summary.freshness_seconds.p99)}",
        "HR@20 of the lists": f"{rate_text(summary.served_hit_rate_at_20)} of {summary.served_events:,} events",
        "HR@20 of popularity": f"{rate_text(summary.popular_hit_rate_at_20)} of the same events",
        "errors": counts_text(summary.errors_by_kind) or "none",
    }
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, text in rows.items():
        table.add_row(name, Text(text, "bold"))
    Console(highlight=False).print(table)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog="Example: millrace demo --seconds 60")(demo)
