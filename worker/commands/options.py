"""Options that several commands share, and the settings that follow from them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from worker.errors import ConfigurationError
from worker.texts.languages import Language

if TYPE_CHECKING:  # pydantic is slow to load: help does without it
    from worker.settings import Settings
    from worker.settings_sources import Loaded

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="TOML file of settings; default: the one MILLRACE_CONFIG names."),
]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Set one setting, e.g. kafka.group_id=shop; may be repeated."),
]
Servers = Annotated[
    str | None, typer.Option("--bootstrap-servers", metavar="HOST:PORT,...", help="Sets kafka.bootstrap_servers.")
]
RedisUrl = Annotated[str | None, typer.Option("--redis-url", metavar="URL", help="Sets redis.url.")]
InstanceId = Annotated[str | None, typer.Option("--instance-id", metavar="NAME", help="Sets kafka.instance_id.")]
InLanguage = Annotated[Language, typer.Option("--language", help="Tell reasons in this language.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def settings_of(
    config: Path | None,
    assignments: Sequence[str] | None,
    **flags: str | None,
) -> "Settings":
    """The settings in force. `flags` bear the setting's name with two underscores: `redis__url`.

    Raises ConfigurationError.
    """
    return loaded_settings(config, assignments, **flags).settings


def loaded_settings(config: Path | None, assignments: Sequence[str] | None, **flags: str | None) -> "Loaded[Settings]":
    """Like `settings_of`, with where each value comes from."""
    from worker.settings import load_with_origins

    own = {name.replace("__", "."): value for name, value in flags.items() if value is not None}
    return load_with_origins(config, assigned(assignments) | own)


def assigned(assignments: Sequence[str] | None) -> dict[str, str]:
    """Values by name, of `--set`. Raises ConfigurationError."""
    return dict(map(_assignment, assignments or ()))


def _assignment(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise ConfigurationError(f"--set {text} sets nothing", "write --set NAME=VALUE, e.g. --set kafka.group_id=shop")
    return name.strip(), value
