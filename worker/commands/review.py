"""`millrace review`: items that users reported or whose lists look odd, and what a person decides."""

import time
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from worker.commands.options import AsJson, Assignments, ConfigFile, Servers, settings_of
from worker.commands.output import print_json
from worker.errors import ConfigurationError, ServiceUnavailable

if TYPE_CHECKING:  # msgspec and the client libraries are slow to load: help does without them
    from worker.review import ReviewQueue
    from worker.review_records import Waiting
    from worker.settings import Settings

READ_SECONDS = 20.0

app = typer.Typer(help="Look at items that users reported or whose lists look odd.", no_args_is_help=True)


@app.command("list", epilog="Example: millrace review list --bootstrap-servers localhost:9092")
def list_waiting(
    as_json: AsJson = False,
    config: ConfigFile = None,
    assignments: Assignments = None,
    bootstrap_servers: Servers = None,
) -> None:
    """List the items that nobody has looked at since, those with most reports first."""
    settings = settings_of(config, assignments, kafka__bootstrap_servers=bootstrap_servers)
    waiting = _queue(settings).waiting()
    if as_json:
        print_json(waiting)
    else:
        _print(waiting)


@app.command(epilog="Example: millrace review decide 22411 block --author ed --note recalled")
def decide(
    item: Annotated[str, typer.Argument(metavar="ITEM", help="The item's id.")],
    decision: Annotated[Literal["block", "bury", "dismiss"], typer.Argument(help="What to do about it.")],
    author: Annotated[str, typer.Option("--author", help="Who decides; noted in the audit topic.")],
    note: Annotated[str, typer.Option("--note", help="Why.")] = "",
    strength: Annotated[float, typer.Option("--strength", help="Of burying: by how much its odds are divided.")] = 4.0,
    config: ConfigFile = None,
    assignments: Assignments = None,
    bootstrap_servers: Servers = None,
) -> None:
    """Block or bury an item, or dismiss what was said of it."""
    settings = settings_of(config, assignments, kafka__bootstrap_servers=bootstrap_servers)
    from worker.assembly import write_records
    from worker.review import Verdict, faults_of, records_of, rule_of
    from worker.review_records import Decision

    now_ms = round(time.time() * 1000)
    verdict = Verdict(item, Decision(decision), author, note, strength)
    if fault := next(faults_of(verdict, settings.events.max_id_characters), None):
        raise ConfigurationError(fault, "see `millrace review decide --help`")
    share = _queue(settings).share_of_lists(item)
    write_records(settings, records_of(verdict, rule_of(verdict, now_ms), settings.kafka, now_ms, share))
    typer.echo(f"{item}: {decision}")


def _queue(settings: "Settings") -> "ReviewQueue":
    """As it is now. Raises ServiceUnavailable."""
    from worker.assembly import open_review_queue  # loads the client libraries

    with closing(open_review_queue(settings)) as queue:
        if not queue.read_all(READ_SECONDS):
            raise ServiceUnavailable(f"the review topic was not read within {READ_SECONDS:g} s", "try again")
        return queue


def _print(waiting: "list[Waiting]") -> None:
    if not waiting:
        typer.echo("Nothing waits for a review.")
        return
    table = Table("item", "reports", "first", "last", "in lists", "of events", box=None, header_style="bold")
    for each in waiting:
        times = (_moment(each.first_at), _moment(each.last_at))
        table.add_row(
            *map(
                Text,
                (each.item_id, str(each.reports), *times, _share(each.share_of_lists), _share(each.share_of_events)),
            )
        )
    Console(highlight=False).print(table)


def _moment(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def register(app_of_all: typer.Typer) -> None:
    """Adds the command."""
    app_of_all.add_typer(app, name="review")
