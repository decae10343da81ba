"""What the commands print for programs."""

from typing import Any

import msgspec
import typer


def print_json(value: Any) -> None:
    """Prints a value (structs and dataclasses too) as JSON; a number that is not one becomes null."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))
