"""`millrace transfer`: a new domain begins with what another one's snapshot knows."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from producers import options as file_options
from worker.commands.evaluate import OfKinds, listed, ranking_progress
from worker.commands.options import AsJson, Assignments, ConfigFile, settings_of
from worker.commands.output import print_json

Snapshots = Annotated[str, typer.Argument(metavar="SNAPSHOTS", help="Folder or URL of the old domain's snapshots.")]
OldItems = Annotated[Path, typer.Option("--from-items", metavar="FILE", help="Catalogue of the old domain.")]
NewItems = Annotated[Path, typer.Option("--items", metavar="FILE", help="Catalogue of the new domain.")]
Out = Annotated[str, typer.Option("--out", metavar="DIR", help="Empty folder, or URL, of the new domain's snapshots.")]
OldConfig = Annotated[
    Path | None,
    typer.Option(
        "--from-config", metavar="FILE", help="Settings of the old domain, where memory or partitions differ."
    ),
]
SameUsers = Annotated[
    bool, typer.Option("--users/--no-users", help="Whether a user id names the same person in both domains.")
]
EventsFile = Annotated[
    Path | None,
    typer.Option("--events", metavar="FILE", help="Events of the new domain, to measure what it is worth."),
]


def transfer(
    snapshots: Snapshots,
    from_items: OldItems,
    items: NewItems,
    out: Out,
    from_config: OldConfig = None,
    users: SameUsers = True,
    events: EventsFile = None,
    kinds: OfKinds = None,
    user_column: file_options.OfUser = None,
    item_column: file_options.OfItem = None,
    time_column: file_options.OfTime = None,
    event_column: file_options.OfEvent = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    assignments: Assignments = None,
) -> None:
    """Make a snapshot for a new domain from another one's: its workers then know something before their first event.

    What carries over: how ranker and mixture weigh the experts; vectors of items, each the mean of those of the old
    items that its text in the catalogue is like; and, unless --no-users, tastes of users who have the same id in both.
    Items of the old domain do not. The settings are the new domain's; memory and partitions of the old one are told by
    --from-config.

    Point snapshots.directory of the new domain's workers at the new folder. They read the topic from its beginning, of
    as many partitions as kafka.partitions says now.

    With --events, the first 20,000 events are ranked, then learned, with and without, as `millrace evaluate` does.
    """
    settings = settings_of(config, assignments)
    old_settings = settings_of(from_config, None) if from_config else settings
    from producers.catalogue import read_items
    from producers.readers import ColumnNames
    from worker import offline  # loads the models
    from worker.assembly import recommender_options
    from worker.transfer import measure, run

    old = run.read_old(run.store_at(snapshots, old_settings), old_settings, same_users=users)
    old_items, new_items = list(read_items(from_items)), list(read_items(items))
    likeness, options = run.likeness_to(old, old_items, new_items), recommender_options(settings)
    new = run.begin(old, new_items, likeness, options, settings.kafka.partitions)
    size_bytes = run.write_new(new, run.store_at(out, settings), settings.clean, round(time.time() * 1000))
    figures: dict[str, Any] = {
        "items": {"new": len(new_items), "begun": new.items},
        "users": {"old": sum(len(shard.users) for shard in old.shards), "begun": new.users},
        "partitions": settings.kafka.partitions,
        "bytes": size_bytes,
    }
    if events is not None:
        columns = ColumnNames(user_column, item_column, time_column, event_column)
        selection = offline.Selection(frozenset(listed(kinds)), measure.FIRST_EVENTS[-1])
        stream = offline.aimed(offline.read_stream(events, columns, selection), settings.learning.objective)
        with ranking_progress(2 * len(stream)) as progress:
            figures["measured"] = measure.measured(old, new_items, likeness, options, stream, progress)
    if as_json:
        print_json(figures)
    else:
        _print(out, figures)


def _print(out: str, figures: Mapping[str, Any]) -> None:
    console = Console(highlight=False)
    items, users = figures["items"], figures["users"]
    console.print(
        f"{out}: {items['begun']:,} of {items['new']:,} items begin with vectors, {users['begun']:,} of "
        f"{users['old']:,} users with tastes, in {figures['partitions']} partitions; {figures['bytes']:,} bytes",
        markup=False,
        soft_wrap=True,
    )
    if "measured" in figures:
        table = Table(
            "first events", "scored", "HR@20 without", "with", "difference, 95 %", box=None, header_style="bold"
        )
        for row in figures["measured"]:
            hits = row["hr_at_20"]
            interval = f"{hits['difference']:+.4f} ({hits['low']:+.4f} to {hits['high']:+.4f})"
            cells = f"{row['events']:,}", f"{row['scored']:,}", f"{hits['without']:.4f}", f"{hits['with']:.4f}"
            table.add_row(*cells, interval)
        console.print(table)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog="Example: millrace transfer books --from-items books.csv --items films.csv --out films")(
        transfer
    )
