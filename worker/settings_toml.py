"""Settings as the text of a TOML file, for people; secrets are masked."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from worker.settings import Settings
from worker.settings_sources import Loaded

_BARE = re.compile(r"[A-Za-z0-9_-]+")
HEAD = "# The settings in force. A comment says where a value comes from that is not the default.\n"


def as_toml(loaded: Loaded[Settings]) -> str:
    """The settings in force, section by section, with where they come from."""
    values = loaded.settings.model_dump(mode="json")  # this masks secrets
    return HEAD + "".join(_section(name, settings, loaded.origins) for name, settings in values.items())


def _section(section: str, settings: Mapping[str, Any], origins: Mapping[str, str]) -> str:
    lines = (_line(name, value, origins.get(f"{section}.{name}")) for name, value in settings.items())
    return "\n".join(["", f"[{section}]", *lines, ""])


def _line(name: str, value: Any, origin: str | None) -> str:
    if value is None:
        return f"# {name} is not set"
    return f"{name} = {_value(value)}" + (f"  # {origin}" if origin else "")


def _value(value: Any) -> str:
    return f"{{ {', '.join(_entries(value))} }}" if isinstance(value, dict) else _scalar(value)


def _entries(table: Mapping[str, Any]) -> Iterator[str]:
    return (f"{_scalar(key)} = {_value(value)}" for key, value in table.items())


def _scalar(value: str | float | bool) -> str:
    """Strings, numbers and truths are written as in JSON, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def as_table_entries(values: Mapping[str, Any]) -> str:
    """A part of a file: the values by names such as `learning.renewal` or `events.kinds.purchase`, by section."""
    sections: dict[str, list[str]] = {}
    for name, value in sorted(values.items()):
        section, setting, *entry = name.split(".", 2)
        table, key = (f"{section}.{setting}", entry[0]) if entry else (section, setting)
        sections.setdefault(table, []).append(f"{key if _BARE.fullmatch(key) else _scalar(key)} = {_value(value)}")
    return "\n".join(f"[{table}]\n" + "".join(f"{line}\n" for line in lines) for table, lines in sections.items())
