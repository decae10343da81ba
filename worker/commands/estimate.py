"""`millrace estimate`: what so many users, items and events will take."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from worker.commands.options import AsJson, Assignments, ConfigFile, settings_of
from worker.commands.output import print_json

if TYPE_CHECKING:  # slow to load: help does without it
    from worker.sizing import Estimate

Users = Annotated[int, typer.Option("--users", metavar="N", help="Users to be remembered.")]
Items = Annotated[int, typer.Option("--items", metavar="N", help="Items to be remembered.")]
Rate = Annotated[float, typer.Option("--rate", metavar="N", help="Events a second, at the busiest time.")]
WorkerRate = Annotated[
    float | None,
    typer.Option("--worker-rate", metavar="N", help="Events a second that one worker learns: see `millrace bench`."),
]
IdCharacters = Annotated[
    int, typer.Option("--id-characters", metavar="N", help="Mean length of the ids of users and items.")
]


def estimate(
    users: Users,
    items: Items,
    rate: Rate,
    worker_rate: WorkerRate = None,
    id_characters: IdCharacters = 36,
    as_json: AsJson = False,
    config: ConfigFile = None,
    assignments: Assignments = None,
) -> None:
    """Estimate workers, memory, Redis and disk for so many users, items and events; starts nothing."""
    settings = settings_of(config, assignments)
    from worker.sizing import EVENTS_PER_SECOND, Load
    from worker.sizing import estimate as estimated

    load = Load(users, items, rate, worker_rate or EVENTS_PER_SECOND, id_characters)
    found = estimated(load, settings)
    if as_json:
        print_json(found)
    else:
        _print(found, load.worker_events_per_second)


def _print(found: "Estimate", worker_rate: float) -> None:
    rows = [
        ("workers", f"{found.workers}", f"at {worker_rate:,.0f} events/s each, a quarter to spare"),
        ("partitions", f"{found.partitions}", "kafka.partitions: the most workers that can share them"),
        ("memory.users_bytes", f"{found.users_bytes}", "set it: holds all users, a quarter to spare"),
        ("memory.items_bytes", f"{found.items_bytes}", "set it: holds all items, a quarter to spare"),
        ("memory of a worker", _megabytes(found.worker_memory_bytes), "resident"),
        ("its limit", _megabytes(found.worker_memory_limit_bytes), "for the moments when tables double or are copied"),
        ("snapshot of a worker", _megabytes(found.worker_snapshot_bytes), "of snapshots.keep stand, and one more"),
        (
            "Redis",
            _megabytes(found.redis_bytes),
            f"{found.redis_list_bytes} bytes a list, {found.redis_similar_bytes} an item",
        ),
    ]
    table = Table(box=None, show_header=False)
    for row in rows:
        table.add_row(*row)
    Console(highlight=False).print(table)


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.0f} MB"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog="Example: millrace estimate --users 1000000 --items 50000 --rate 2000")(estimate)
