"""`millrace services`: Kafka and Valkey for development."""

from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[
    Path | None, typer.Option("--folder", metavar="FOLDER", help="Keep the data here; default: they go at the end.")
]


def services(folder: Folder = None) -> None:
    """Run a real Kafka and a real Valkey for development, and print their addresses, until Ctrl-C."""
    from worker.embedded.services import run_services  # loads the client libraries

    run_services(folder, typer.echo)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog="Example: millrace services --folder ./services")(services)
