"""Options that several commands share, with their help."""

from pathlib import Path
from typing import Annotated

import typer

from producers.choices import EventTimes

Servers = Annotated[
    str | None,
    typer.Option("--bootstrap-servers", metavar="HOST:PORT,...", help="Kafka's address; default: the settings'."),
]
Topic = Annotated[
    str | None, typer.Option("--topic", metavar="NAME", help="Topic of the events; default: the settings'.")
]
Batch = Annotated[int, typer.Option("--batch", min=1, metavar="N", help="Up to N events in one record, as JSON lines.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="Stop after N events.")]
Rate = Annotated[float | None, typer.Option("--rate", metavar="N", help="Events a second; default: unpaced.")]
Speed = Annotated[
    float | None,
    typer.Option("--speed", metavar="X", help="Multiple of the original time: 60 = an hour in a minute."),
]
Times = Annotated[
    EventTimes,
    typer.Option(
        "--times",
        help="Which time the events bear. Events older than the setting clean.max_age_days (ten years) are "
        "rejected by the worker, so `original` may need it raised.",
    ),
]
OfUser = Annotated[str | None, typer.Option("--user-column", metavar="NAME", help="Default: user_id.")]
OfItem = Annotated[str | None, typer.Option("--item-column", metavar="NAME", help="Default: item_id.")]
OfTime = Annotated[
    str | None,
    typer.Option(
        "--time-column",
        metavar="NAME",
        help="Default: timestamp or ts; ISO text, timestamps, or numbers of s, ms, us or ns.",
    ),
]
OfEvent = Annotated[str | None, typer.Option("--event-column", metavar="NAME", help="Default: event.")]
OfValue = Annotated[str | None, typer.Option("--value-column", metavar="NAME", help="Default: value.")]
Kind = Annotated[
    str | None,
    typer.Option("--event", metavar="KIND", help="Kind of the events for which the file names none."),
]
Kinds = Annotated[
    list[str] | None,
    typer.Option(
        "--rename-kind", metavar="OLD=NEW", help="Rename a kind of event, `OLD=` leaves it out; may be repeated."
    ),
]
ItemsFile = Annotated[
    Path | None,
    typer.Option("--items", metavar="FILE", help="Also write this catalogue (parquet, CSV or JSONL) to its topic."),
]
