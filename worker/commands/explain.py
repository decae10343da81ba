"""`millrace explain`: why an item stands in the list of a user."""

import time
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from worker.commands.options import AsJson, Assignments, ConfigFile, InLanguage, RedisUrl, Servers, settings_of
from worker.commands.output import print_json
from worker.commands.shown_item import explanation, movers, whose
from worker.commands.titles import ItemsFile, titles
from worker.errors import MillraceError
from worker.texts.languages import Language

if TYPE_CHECKING:  # msgspec is slow to load: help does without it
    from worker.shown_lists import ShownItem, ShownList

User = Annotated[str, typer.Argument(metavar="USER", help="The user's id.")]
ListedItem = Annotated[str, typer.Argument(metavar="ITEM", help="The id of an item of the list.")]


def explain(
    user: User,
    item: ListedItem,
    as_json: AsJson = False,
    language: InLanguage = Language.ENGLISH,
    items: ItemsFile = None,
    config: ConfigFile = None,
    assignments: Assignments = None,
    bootstrap_servers: Servers = None,
    redis_url: RedisUrl = None,
) -> None:
    """Show why an item stands in the list that is published for a user.

    The experts' shares, what its score is the sum of, which of the user's own items moved it, and how popular it is.
    Needs lists that are published with `lists.explanations`.
    """
    settings = settings_of(config, assignments, kafka__bootstrap_servers=bootstrap_servers, redis__url=redis_url)
    from worker.assembly import open_lists  # loads the client libraries
    from worker.shown_lists import only, read_list

    with closing(open_lists(settings)) as sink:
        sink.ping()
        shown = read_list(sink, user, titles(items, settings), round(time.time() * 1000), language)
    found = _explained(shown, item)
    if as_json:
        print_json(only(shown, found))
    else:
        _print(shown, found)


def _explained(shown: "ShownList", item_id: str) -> "ShownItem":
    """The item's line. Raises MillraceError when it is not in the list, or nothing explains it."""
    found = next((each for each in shown.items if each.item_id == item_id), None)
    if found is None:
        which = f"the list of {shown.user_id}" if shown.personal else f"the popular list, which {shown.user_id} gets"
        raise MillraceError(
            f"{item_id} is not in {which}", f"see what is, by `millrace recommend {shown.user_id}`; lists change"
        )
    if not shown.personal:
        raise MillraceError(
            f"{shown.user_id} has no list yet, and the popular list holds {item_id} because it is {found.reason}",
            "ask again once there are events of this user",
        )
    if not any(each.parts for each in shown.items):
        raise MillraceError(
            f"the list of {shown.user_id} was published without explanations",
            "run the worker with lists.explanations = true; lists get them as they are made again",
        )
    return found


def _print(shown: "ShownList", item: "ShownItem") -> None:
    console = Console(highlight=False)
    console.print(Text(whose(shown)), soft_wrap=True)
    console.print(Text(f"{item.rank}. {item.title} ({item.item_id}), score {item.score:.4f}", "bold"), soft_wrap=True)
    console.print(Text(item.sentence or item.reason), soft_wrap=True)
    if item.parts:
        console.print()
        console.print(explanation(item))
    if item.moved_by:
        console.print()
        console.print(movers(item))
    if item.popularity is not None:
        trend = "" if item.trend is None else f", lately {item.trend:.2f} times as much"
        console.print(f"\nIn the long run {item.popularity:.3%} of all events{trend}.")


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog="Example: millrace explain 17850 22411 --redis-url redis://localhost:6379 --language zh")(
        explain
    )
