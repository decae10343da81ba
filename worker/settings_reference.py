"""The reference of all settings, `docs/settings.md` and `millrace config schema`, as the classes know them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from worker.settings import ENV_PREFIX, Settings

INTRODUCTION = f"""# Settings

A value comes from a flag, else from the environment, else from a TOML file, else it is the default given here.

- Flag: `--set kafka.group_id=shop`, repeatable; some settings have a flag of their own, see `millrace worker --help`.
- Environment: `{ENV_PREFIX}`, the section, two underscores, the setting, as in `{ENV_PREFIX}KAFKA__GROUP_ID=shop`. An
  empty variable counts as absent. A table is JSON, or one variable an entry: `{ENV_PREFIX}EVENTS__KINDS__PLAY=2`.
- File: a table a section, named by `--config FILE` or `{ENV_PREFIX}CONFIG`; `deploy/millrace.toml` is an example.

An unknown name stops the start. `millrace config show` prints the values in force and where each comes from, secrets
masked. Times are seconds, sizes bytes, where the name does not say otherwise.

This page is made by `worker.settings_reference.reference()`; a test compares them.
"""

TABLE = "| setting | takes | default | meaning |\n| --- | --- | --- | --- |\n"


@dataclass(frozen=True, slots=True)
class SectionReference:
    """A group of settings, for people."""

    name: str
    meaning: str
    settings: tuple["SettingReference", ...]


@dataclass(frozen=True, slots=True)
class SettingReference:
    """One setting, for people.

    Attributes:
        takes: what values it may have.
        default: as JSON; empty when it is not set or differs between machines.
    """

    name: str
    takes: str
    default: str
    meaning: str


def sections() -> list[SectionReference]:
    """All settings, in the order of the classes."""
    schema = Settings.model_json_schema()
    inner = {name: schema["$defs"][field["$ref"].rpartition("/")[2]] for name, field in schema["properties"].items()}
    return [
        SectionReference(name, each["description"], tuple(_settings(name, each["properties"])))
        for name, each in inner.items()
    ]


def reference() -> str:
    """The text of `docs/settings.md`."""
    return INTRODUCTION + "".join(map(_section_text, sections()))


def _section_text(section: SectionReference) -> str:
    rows = (
        f"| `{each.name}` | {each.takes} | {f'`{each.default}`' if each.default else ''} | {each.meaning} |\n"
        for each in section.settings
    )
    return f"\n## {section.name}\n\n{section.meaning}\n\n{TABLE}{''.join(rows)}"


def _settings(section: str, properties: dict[str, Any]) -> Iterator[SettingReference]:
    for name, field in properties.items():
        default = field.get("default")
        shown = "" if default is None else json.dumps(default)
        yield SettingReference(f"{section}.{name}", _takes(field), shown, field["description"])


def _takes(field: dict[str, Any]) -> str:
    """What a JSON schema allows, in words."""
    if "anyOf" in field:  # with null: it may be left unset
        return next(_takes(each) for each in field["anyOf"] if each["type"] != "null")
    if "enum" in field:
        return ", ".join(f"`{each}`" for each in field["enum"])
    if field["type"] == "array":
        return "texts with commas between, in a file an array"
    if field["type"] == "object":
        return f"table: {_takes(field['additionalProperties'])} an entry"
    kinds = {"integer": "whole number", "number": "number", "string": "text", "boolean": "`true` or `false`"}
    kind = {"path": "path", "password": "secret text"}.get(field.get("format", ""), kinds[field["type"]])
    return " ".join([kind, " and ".join(_bounds(field))]).strip()


def _bounds(field: dict[str, Any]) -> Iterator[str]:
    words = {"exclusiveMinimum": "above", "minimum": "from", "exclusiveMaximum": "below", "maximum": "up to"}
    yield from (f"{word} {field[key]}" for key, word in words.items() if key in field)
