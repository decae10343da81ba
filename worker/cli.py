"""The command `millrace`: its verbs, one file each in `commands`, and how it ends."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from producers.cli import app as producers_app
from worker.commands import (
    bench,
    config,
    demo,
    doctor,
    estimate,
    evaluate,
    explain,
    recommend,
    review,
    serve,
    services,
    snapshot,
    topics,
    train,
    transfer,
    tune,
    worker,
)
from worker.errors import MillraceError

VERBS = (
    demo,
    worker,
    serve,
    recommend,
    explain,
    review,
    evaluate,
    tune,
    train,
    transfer,
    bench,
    services,
    topics,
    snapshot,
    estimate,
    doctor,
    config,
)

EXIT_CODES = """Exit codes:

- 0: done
- 1: failed
- 2: a setting, a flag or a file is wrong; nothing was started
- 3: Kafka, Redis or a download is away
- 4: the state, or the position in the stream, cannot be trusted
- 17: another worker owns our partitions
- 130: Ctrl-C
"""

app = typer.Typer(
    name="millrace",
    help="A streaming, real-time recommender worker: events from Kafka in, fresh top-k lists in Redis out.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",  # paragraphs flow
    pretty_exceptions_show_locals=False,  # they may hold secrets
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"millrace {version('millrace')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    pass


for verb in VERBS:
    verb.register(app)
app.registered_commands += producers_app.registered_commands


def main() -> None:
    """Runs the command line; an error for people becomes two lines on standard error and its exit code."""
    try:
        app(prog_name="millrace")
    except MillraceError as error:
        _print_error(error)
        sys.exit(error.exit_code)


def _print_error(error: MillraceError) -> None:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for word, style, text in (("error", "bold red", str(error)), ("remedy", "bold yellow", error.remedy)):
        if text:
            console.print(Text.assemble((f"{word}: ", style), " ".join(text.split())))
