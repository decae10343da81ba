"""Reads the catalogue from parquet, CSV or JSONL files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from producers.files import Table, open_table, reading
from producers.times import milliseconds
from worker.errors import ConfigurationError
from worker.events import Item


def read_items(path: Path) -> Iterator[Item]:
    """The items of a file whose columns are named like the fields of `Item`; others are ignored.

    Raises ConfigurationError for a file without `item_id`, or with a value that does not fit its field.
    """
    table = open_table(path)
    if "item_id" not in table.names:
        raise ConfigurationError(
            f"{path} has no column 'item_id'; it has {', '.join(table.names)}",
            f"a catalogue has the columns {', '.join(Item.__struct_fields__)}; only the first is needed",
        )
    return _stream(path, table)


def read_arrivals(path: Path, column: str) -> dict[str, int]:
    """By item, when it came to the catalogue, UTC milliseconds, as a column of the file says.

    Items without are left out; a number of four digits is a year. Raises ConfigurationError for a file without the
    column, or with what is no time.
    """
    table = open_table(path)
    absent = {"item_id", column} - set(table.names)
    if absent:
        raise ConfigurationError(
            f"{path} has no column {' or '.join(map(repr, sorted(absent)))}; it has {', '.join(table.names)}",
            "name the column that says when an item came to the catalogue",
        )
    arrivals: dict[str, int] = {}
    with reading(path):
        for batch in table.batches(["item_id", column]):
            items, times = batch.to_pydict().values()
            said = [(str(item), text) for item, when in zip(items, times, strict=True) if (text := _as_text(when))]
            whens = milliseconds(pa.array([text for _, text in said], pa.string()))
            arrivals |= dict(zip([item for item, _ in said], whens.tolist(), strict=True))
    return arrivals


def _as_text(when: Any) -> str:
    """A time as `milliseconds` reads it, a year as its first day; "" = none."""
    text = "" if when is None else str(when).strip()
    return f"{text}-01-01" if text.isdecimal() and len(text) == 4 else text


def _stream(path: Path, table: Table) -> Iterator[Item]:
    names = [name for name in Item.__struct_fields__ if name in table.names]
    with reading(path):
        for batch in table.batches(names):
            for row in batch.to_pylist():
                yield _as_item(row)


def _as_item(row: dict[str, Any]) -> Item:
    present = {name: value for name, value in row.items() if value is not None}  # others keep their defaults
    return msgspec.convert(present | {"item_id": str(row["item_id"])}, Item, strict=False)
