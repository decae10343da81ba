"""`millrace recommend`: the list that stands published for a user."""

import time
from contextlib import closing
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from worker.commands.options import AsJson, Assignments, ConfigFile, RedisUrl, Servers, settings_of
from worker.commands.output import print_json
from worker.errors import ServiceUnavailable

if TYPE_CHECKING:  # pydantic and msgspec are slow to load: help does without them
    from worker.settings import Settings
    from worker.shown_lists import ShownItem, ShownList, TitleOf

TITLES_SECONDS = 20.0

User = Annotated[str, typer.Argument(metavar="USER", help="The user's id.")]
ItemsFile = Annotated[
    Path | None,
    typer.Option(
        "--items", metavar="FILE", help="Titles from this catalogue (parquet, CSV or JSONL); default: the items topic."
    ),
]

Explain = Annotated[
    bool,
    typer.Option("--explain", help="Show the experts' shares and the parts of the ranker's score for each item too."),
]


def recommend(
    user: User,
    explain: Explain = False,
    as_json: AsJson = False,
    items: ItemsFile = None,
    config: ConfigFile = None,
    assignments: Assignments = None,
    bootstrap_servers: Servers = None,
    redis_url: RedisUrl = None,
) -> None:
    """Show the list that stands published for a user: titles, scores, reasons and its age.

    A user without a list gets the popular one.
    """
    settings = settings_of(config, assignments, kafka__bootstrap_servers=bootstrap_servers, redis__url=redis_url)
    from worker.assembly import open_lists  # loads the client libraries
    from worker.shown_lists import read_list

    with closing(open_lists(settings)) as sink:
        sink.ping()
        shown = read_list(sink, user, _titles(items, settings), round(time.time() * 1000))
    if as_json:
        print_json(shown)
    else:
        _print(shown)
        if explain:
            _print_explanations(shown)


def _titles(items: Path | None, settings: "Settings") -> "TitleOf":
    """Titles from a file, or from the items topic; where there are none, an item's id takes the place."""
    if items is not None:
        from producers.catalogue import read_items

        titles = {item.item_id: item.title for item in read_items(items)}
        return lambda item_id: titles.get(item_id) or item_id
    if settings.kafka.bootstrap_servers is None:
        return str
    from worker.assembly import open_catalogue

    with closing(open_catalogue(settings)) as catalogue:
        try:
            complete = catalogue.read_all(TITLES_SECONDS)
        except ServiceUnavailable as error:
            _note(f"no titles: {error}")
        else:
            if not complete:
                _note(f"some titles are missing: the items topic was not read within {TITLES_SECONDS:g} s")
        return catalogue.title


def _note(text: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text(f"note: {text}", "yellow"))


def _print(shown: "ShownList") -> None:
    whose = f"The list of {shown.user_id}" if shown.personal else f"{shown.user_id} has no list yet: the popular list"
    console = Console(highlight=False)
    console.print(Text(f"{whose}, {_age(shown.age_seconds)} old, by {shown.model}"), soft_wrap=True)
    table = Table("#", "item", "title", "score", "why", box=None, header_style="bold")
    for each in shown.items:
        row = (str(each.rank), each.item_id, each.title, f"{each.score:.4f}", each.reason)
        table.add_row(*map(Text, row))
    console.print(table)


def _print_explanations(shown: "ShownList") -> None:
    explained = [each for each in shown.items if each.parts]
    if not explained:
        _note("this list has no explanations: run the worker with lists.explanations = true; popular lists have none")
    console = Console(highlight=False)
    for item in explained:
        console.print()
        console.print(Text(f"{item.rank}. {item.title}: {item.reason}"), soft_wrap=True)
        console.print(_explanation(item))


def _explanation(item: "ShownItem") -> Table:
    """The experts' shares, largest first, beside what the ranker's score is the sum of."""
    table = Table("expert", "share", "part of the score", "adds", box=None, header_style="bold")
    shares = sorted(item.shares.items(), key=lambda named: -named[1])
    cells = [(name, f"{share:.1%}") for name, share in shares]
    parts = [(name, f"{part:+.3f}") for name, part in item.parts.items()]
    parts.append(("in sum", f"{sum(item.parts.values()):+.3f}"))
    for left, right in zip_longest(cells, parts, fillvalue=("", "")):
        table.add_row(*left, *right)
    return table


def _age(seconds: float) -> str:
    for name, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {name}"
    return f"{seconds:.1f} s"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog="Example: millrace recommend 17850 --redis-url redis://localhost:6379")(recommend)
