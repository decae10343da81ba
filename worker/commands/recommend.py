"""`millrace recommend`: the list that stands published for a user."""

import time
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from worker.commands.options import AsJson, Assignments, ConfigFile, InLanguage, RedisUrl, Servers, settings_of
from worker.commands.output import print_json
from worker.commands.shown_item import explanation, whose
from worker.commands.titles import ItemsFile, note, titles
from worker.texts.languages import Language

if TYPE_CHECKING:  # msgspec is slow to load: help does without it
    from worker.shown_lists import ShownList

User = Annotated[str, typer.Argument(metavar="USER", help="The user's id.")]

Explain = Annotated[
    bool,
    typer.Option("--explain", help="Show the experts' shares and the parts of the ranker's score for each item too."),
]


def recommend(
    user: User,
    explain: Explain = False,
    as_json: AsJson = False,
    language: InLanguage = Language.ENGLISH,
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
        shown = read_list(sink, user, titles(items, settings), round(time.time() * 1000), language)
    if as_json:
        print_json(shown)
    else:
        _print(shown)
        if explain:
            _print_explanations(shown)


def _print(shown: "ShownList") -> None:
    console = Console(highlight=False)
    console.print(Text(whose(shown)), soft_wrap=True)
    table = Table("#", "item", "title", "score", "why", box=None, header_style="bold")
    for each in shown.items:
        row = (str(each.rank), each.item_id, each.title, f"{each.score:.4f}", each.reason)
        table.add_row(*map(Text, row))
    console.print(table)


def _print_explanations(shown: "ShownList") -> None:
    explained = [each for each in shown.items if each.parts]
    if not explained:
        note("this list has no explanations: run the worker with lists.explanations = true; popular lists have none")
    console = Console(highlight=False)
    for item in explained:
        console.print()
        console.print(Text(f"{item.rank}. {item.title}: {item.sentence or item.reason}"), soft_wrap=True)
        console.print(explanation(item))


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog="Example: millrace recommend 17850 --redis-url redis://localhost:6379")(recommend)
