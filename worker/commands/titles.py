"""Titles for commands that show lists, and notes beside what they show."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from worker.errors import ServiceUnavailable

if TYPE_CHECKING:  # pydantic and msgspec are slow to load: help does without them
    from worker.settings import Settings
    from worker.texts.sentences import TitleOf

TITLES_SECONDS = 20.0

ItemsFile = Annotated[
    Path | None,
    typer.Option(
        "--items", metavar="FILE", help="Titles from this catalogue (parquet, CSV or JSONL); default: the items topic."
    ),
]


def titles(items: Path | None, settings: "Settings") -> "TitleOf":
    """Titles from a file, or from the items topic; where there are none, an item's id takes the place."""
    if items is not None:
        from producers.catalogue import read_items

        by_id = {item.item_id: item.title for item in read_items(items)}
        return lambda item_id: by_id.get(item_id) or item_id
    if settings.kafka.bootstrap_servers is None:
        return str
    from worker.assembly import open_catalogue

    with closing(open_catalogue(settings)) as catalogue:
        try:
            complete = catalogue.read_all(TITLES_SECONDS)
        except ServiceUnavailable as error:
            note(f"no titles: {error}")
        else:
            if not complete:
                note(f"some titles are missing: the items topic was not read within {TITLES_SECONDS:g} s")
        return catalogue.title


def note(text: str) -> None:
    """Prints it on standard error."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text(f"note: {text}", "yellow"))
