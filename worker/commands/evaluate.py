"""`millrace evaluate`: the recommender's quality on a file of events."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from producers import options as file_options
from worker.commands.evaluate_served import (
    Rate,
    RefreshIntervals,
    Served,
    ServedOptions,
    Speed,
    print_served,
)
from worker.commands.options import AsJson, Assignments, ConfigFile, settings_of
from worker.commands.output import print_json
from worker.errors import ConfigurationError
from worker.report.page import METRICS, exposure_lines, report_page

if TYPE_CHECKING:  # loads the models
    from worker.offline import Evaluation
    from worker.served.plan import Plan
    from worker.settings import Settings


class RepeatsChoice(StrEnum):
    """The values of the setting learning.repeats."""

    AUTO = "auto"
    ALLOW = "allow"
    EXCLUDE = "exclude"


EventsFile = Annotated[Path, typer.Argument(metavar="FILE", help="Parquet, CSV or JSONL file of events.")]
OfKinds = Annotated[
    str | None, typer.Option("--kinds", metavar="A,B", help="Only events of these kinds; default: all, of any kind.")
]
Beside = Annotated[
    str | None,
    typer.Option(
        "--beside", metavar="KIND=WEIGHT,...", help="Learn these kinds too, by weight, and do not score them."
    ),
]
RepeatsOption = Annotated[
    RepeatsChoice | None,
    typer.Option("--repeats", help="Whether users' own items may be recommended; default: the setting's."),
]
ScoreAfter = Annotated[
    str | None,
    typer.Option(
        "--score-after", metavar="TIME", help="Score events from this time on: ISO 8601 (UTC), or s or ms since 1970."
    ),
]
ScoreUsers = Annotated[
    Path | None,
    typer.Option(
        "--score-users", metavar="FILE", help="Score the events of these users (an id a line), less each first."
    ),
]
ItemsFile = Annotated[
    Path | None,
    typer.Option("--items", metavar="FILE", help="Parquet, CSV or JSONL file of the catalogue: its items are known."),
]
ItemsTime = Annotated[
    str | None,
    typer.Option(
        "--items-time", metavar="COLUMN", help="When an item came to the catalogue; default: before the first event."
    ),
]
HtmlFile = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write a report with all figures and curves.")
]
Against = Annotated[
    str | None,
    typer.Option("--against", metavar="A,B", help="Baselines to measure on the same events."),
]


def evaluate(
    file: EventsFile,
    as_json: AsJson = False,
    html: HtmlFile = None,
    limit: file_options.Limit = None,
    kinds: OfKinds = None,
    beside: Beside = None,
    repeats: RepeatsOption = None,
    score_after: ScoreAfter = None,
    score_users: ScoreUsers = None,
    against: Against = None,
    items: ItemsFile = None,
    items_time: ItemsTime = None,
    served: Served = False,
    refresh_intervals: RefreshIntervals = None,
    rate: Rate = None,
    speed: Speed = None,
    user_column: file_options.OfUser = None,
    item_column: file_options.OfItem = None,
    time_column: file_options.OfTime = None,
    event_column: file_options.OfEvent = None,
    config: ConfigFile = None,
    assignments: Assignments = None,
) -> None:
    """Measure how well a file's events are foreseen: each is ranked first, among all items so far, then learned.

    All in this process, in the file's order. The figures are hit rates and the reciprocal rank of the item that came,
    over all scored events, over the second half, and for each expert alone, and how the lists spread over the
    catalogue. Without repeats, an event is scored when its item came before and the user has not had it; with repeats,
    when item and user came before.

    Where learning.objective names kinds, only their events count, and teach ranker and mixture.

    With --beside, events of other kinds teach as well, by their weights; below 0 they say that an item was rejected.

    With --against, known recommenders are measured on the same events: popularity, covisitation, itemknn, ials,
    sessions, isgd and bpr; ials needs the extra of that name.

    With --items, items of that catalogue are known, and events of those that nobody has had yet count too. What it says
    of them is used with --set experts.content=true; without that they cannot be foreseen. The figures of items with
    fewer than three events before stand apart.

    With --served, the events are also replayed in wall time through a whole worker, once for each refresh interval, on
    the Kafka and the Redis that the settings name, or else on ones that it starts; topics and keys are its own and go
    at the end. Right before an event is sent, the user's list is read as a client would; nothing of the file is turned
    away. What is lost against ranking at every event depends on the pace: choose one of your shop's.
    """
    settings = settings_of(config, assignments, learning__repeats=repeats)
    if items_time and not items:
        raise ConfigurationError("--items-time without --items", "name the file of the catalogue, too")
    if items and served:
        raise ConfigurationError("--served replays events only, no catalogue", "give --items or --served")
    if score_after and score_users:
        raise ConfigurationError("two choices of what to score", "give --score-after or --score-users")
    if html is not None and not html.absolute().parent.is_dir():  # said before the work, not after
        raise ConfigurationError(f"--html {html}: there is no folder {html.parent}", "make it, or name another")
    from producers.readers import ColumnNames
    from worker import offline  # loads the models
    from worker.assembly import recommender_options
    from worker.catalogue_file import read_catalogue

    weights = _weights(beside)
    scoring = offline.Scoring(_time_ms(score_after), users_in(score_users), frozenset(weights))
    replay = ServedOptions(served, refresh_intervals, rate, speed).plan()
    names = ColumnNames(user_column, item_column, time_column, event_column)
    stream = offline.read_stream(file, names, offline.Selection(frozenset(listed(kinds)), limit, weights))
    stream = offline.aimed(stream, settings.learning.objective)
    baselines = listed(against)
    catalogue = read_catalogue(items, items_time, settings.experts.embedding_width) if items else None
    with ranking_progress(len(stream) * (1 + len(baselines))) as progress:
        evaluation = offline.evaluate(stream, recommender_options(settings), scoring, progress, baselines, catalogue)
    figures = evaluation.figures
    if replay is not None:
        figures["served"] = _served(evaluation, settings, replay)
    if html is not None:
        _write(html, report_page(file.name, _headline(figures), _rows(figures), figures))
    if as_json:
        print_json(figures)
    else:
        _print(file, figures)


def listed(text: str | None) -> list[str]:
    """The words between the commas, each once."""
    return list(dict.fromkeys(filter(None, map(str.strip, (text or "").split(",")))))


def _weights(text: str | None) -> dict[str, float]:
    """Weights by kind."""
    pairs = [part.partition("=") for part in listed(text)]
    try:
        weights = {kind.strip(): float(weight) for kind, _, weight in pairs}
    except ValueError:
        weights = None
    if weights is None or not all(map(math.isfinite, weights.values())):
        raise ConfigurationError(f"--beside {text} names no weights", "write it like tag=0.3,return=-1")
    return weights


def _time_ms(text: str | None) -> int | None:
    """A time as files may write it."""
    if text is None:
        return None
    import pyarrow as pa  # slow to load

    from producers.times import milliseconds

    try:
        return int(milliseconds(pa.array([text]))[0])
    except pa.ArrowInvalid:
        raise ConfigurationError(
            f"--score-after {text} is no time", "write it like 2011-11-01T12:00:00, or as seconds or ms since 1970"
        ) from None


def users_in(file: Path | None) -> frozenset[str] | None:
    """The users that a file names, an id a line; None = no file. Raises ConfigurationError."""
    if file is None:
        return None
    try:
        users = frozenset(filter(None, map(str.strip, file.read_text("utf-8").splitlines())))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read {file}: {error}", "give a text file of one user id a line") from error
    if not users:
        raise ConfigurationError(f"{file} names no user", "give a text file of one user id a line")
    return users


@contextmanager
def ranking_progress(events: int) -> Iterator[Callable[[int], None]]:
    """A bar for terminals; gone at the end."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("rank, then learn", total=events)
        yield lambda done: bar.update(task, completed=done)


def _served(evaluation: "Evaluation", settings: "Settings", plan: "Plan") -> dict[str, Any]:
    from worker.served.run import measure_served  # loads the client libraries

    with ranking_progress(len(evaluation.stream) * len(plan.refresh_seconds)) as progress:
        return measure_served(evaluation, settings, plan, _say, progress)


def _say(text: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"{text} ...", markup=False)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error}", "name a file that may be written") from error


def _print(file: Path, figures: dict[str, Any]) -> None:
    console = Console(highlight=False)
    console.print(f"{file.name}: {_headline(figures)}", markup=False, soft_wrap=True)
    table = Table("", *METRICS, box=None, header_style="bold")
    for name, values in _rows(figures).items():
        table.add_row(name, *_cells(values))
    console.print(table)
    console.print(_exposure(figures["exposure"]))
    if "against" in figures:
        console.print(_comparison({"blend": figures, **figures["against"]}))
    if "served" in figures:
        print_served(console, figures["served"])


def _headline(figures: dict[str, Any]) -> str:
    return (
        f"{figures['events']:,} events of {figures['users']:,} users on {figures['items']:,} items; "
        f"{figures['scored']:,} scored, users' own items {'left out' if figures['seen_excluded'] else 'kept'}; "
        f"{figures['seconds']:.1f} s ({figures['events_per_second']:,} events/s)"
    )


def _rows(figures: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The lines of the table."""
    few = figures["items_with_few_events"]
    return {
        "blend": figures,
        "  second half": figures["second_half"],
        f"  first events too ({figures['first_events_included']['scored']:,})": figures["first_events_included"],
        f"  items with fewer than 3 events ({few['scored']:,})": few,
        **figures["experts"],
    }


def _exposure(figures: Mapping[str, float]) -> Table:
    table = Table("what the lists show", "", box=None, header_style="bold")
    for line in exposure_lines(figures):
        table.add_row(*line)
    return table


def _comparison(rows: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table("on the same events", *METRICS, "events/s", box=None, header_style="bold")
    for name, values in rows.items():
        table.add_row(name, *_cells(values), f"{values['events_per_second']:,}")
    return table


def _cells(values: Mapping[str, Any]) -> list[str]:
    return [f"{values[key]:.4f}" for key in METRICS.values()]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog="Example: millrace evaluate events.parquet --kinds purchase --limit 100000 --json")(evaluate)
