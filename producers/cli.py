"""The commands `replay`, `simulate` and `import`; what they do is in `commands`, loaded when one runs."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from producers import options
from producers.choices import EventTimes, LayoutName
from worker.errors import MillraceError

app = typer.Typer(
    help="Feed events to Kafka: replay files, simulate a shop, import data sets.",
    no_args_is_help=True,
    add_completion=False,
)


def main() -> None:
    """Runs the command line; an error for people becomes two lines on standard error and its exit code."""
    try:
        app()
    except MillraceError as error:
        typer.echo(f"error: {error}", err=True)
        if error.remedy:
            typer.echo(f"remedy: {error.remedy}", err=True)
        sys.exit(error.exit_code)


@app.command(epilog="Example: millrace replay events.parquet --rate 2000 --items items.parquet")
def replay(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="Parquet, CSV or JSONL file of events.")] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Replay the shipped sample of UCI Online Retail.")] = False,
    speed: options.Speed = None,
    rate: options.Rate = None,
    times: options.Times = EventTimes.NOW,
    limit: options.Limit = None,
    loop: Annotated[bool, typer.Option("--loop", help="Begin again at the end, until Ctrl-C.")] = False,
    batch: options.Batch = 1,
    items: options.ItemsFile = None,
    bootstrap_servers: options.Servers = None,
    topic: options.Topic = None,
    user_column: options.OfUser = None,
    item_column: options.OfItem = None,
    time_column: options.OfTime = None,
    event_column: options.OfEvent = None,
    value_column: options.OfValue = None,
    event: options.Kind = None,
    rename_kind: options.Kinds = None,
) -> None:
    """Send a file of events to Kafka, at its own pace, at a rate, or as fast as Kafka takes them.

    Absent topics are created. With new times, events that shared one time (a basket) still share one.
    """
    from producers import commands
    from producers.pacing import Pace
    from producers.readers import ColumnNames

    names = ColumnNames(user_column, item_column, time_column, event_column, value_column)
    commands.replay_file(
        file,
        sample,
        items,
        commands.Columns(names, event, tuple(rename_kind or ())),
        commands.Target(None, bootstrap_servers, topic, batch),
        commands.Plan(Pace(speed, rate, times), limit, loop),
    )


@app.command(epilog="Example: millrace simulate --users 5000 --items 2000 --rate 1000 --seed 7")
def simulate(
    users: Annotated[int, typer.Option("--users", min=1, help="Users of the shop.")] = 10_000,
    items: Annotated[int, typer.Option("--items", min=1, help="Items of the shop.")] = 5_000,
    events: Annotated[
        int | None,
        typer.Option("--events", min=1, metavar="N", help="Stop after N events; default: go on, at 1,000/s."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same events.")] = 0,
    speed: options.Speed = None,
    rate: options.Rate = None,
    times: options.Times = EventTimes.NOW,
    batch: options.Batch = 1,
    bootstrap_servers: options.Servers = None,
    topic: options.Topic = None,
) -> None:
    """Send the events of a simulated shop to Kafka, and its catalogue.

    Users have drifting tastes and come in sessions; they view, cart, buy and buy again; trends move and new
    items appear.
    """
    from producers import commands
    from producers.pacing import Pace
    from producers.simulate import Simulation

    commands.simulate(
        Simulation(users, items, seed),
        commands.Target(None, bootstrap_servers, topic, batch),
        commands.Plan(Pace(speed, rate, times), events),
    )


@app.command("import", epilog="Example: millrace import movielens ratings.csv --out ratings.jsonl")
def import_file(
    layout: Annotated[LayoutName, typer.Argument(help="How the file is laid out; `columns` = by the options below.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The data set's file.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.jsonl", help="Write a file, one event a line.")
    ] = None,
    bootstrap_servers: options.Servers = None,
    topic: options.Topic = None,
    batch: options.Batch = 1,
    limit: options.Limit = None,
    sort: Annotated[
        bool, typer.Option("--sort/--no-sort", help="Order by time, in memory; or keep the file's order.")
    ] = True,
    user_column: options.OfUser = None,
    item_column: options.OfItem = None,
    time_column: options.OfTime = None,
    event_column: options.OfEvent = None,
    value_column: options.OfValue = None,
    event: options.Kind = None,
    rename_kind: options.Kinds = None,
) -> None:
    """Turn a data set into events with their original times, in a file or in Kafka.

    movielens: ratings.dat, ratings.csv or u.data. amazon: user,item,rating,timestamp without a header line;
    amazon-item-first: item,user,rating,timestamp. retailrocket: events.csv. columns: any parquet, CSV or JSONL.
    """
    from producers import commands
    from producers.pacing import Pace
    from producers.readers import ColumnNames

    names = ColumnNames(user_column, item_column, time_column, event_column, value_column)
    commands.import_file(
        layout,
        file,
        commands.Columns(names, event, tuple(rename_kind or ())),
        commands.Target(out, bootstrap_servers, topic, batch),
        commands.Plan(Pace(times=EventTimes.ORIGINAL), limit),
        sort,
    )
