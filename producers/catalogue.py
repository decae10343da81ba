"""Reads the catalogue from parquet, CSV or JSONL files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from producers.files import Table, open_table, reading
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


def _stream(path: Path, table: Table) -> Iterator[Item]:
    names = [name for name in Item.__struct_fields__ if name in table.names]
    with reading(path):
        for batch in table.batches(names):
            for row in batch.to_pylist():
                yield _as_item(row)


def _as_item(row: dict[str, Any]) -> Item:
    present = {name: value for name, value in row.items() if value is not None}  # others keep their defaults
    return msgspec.convert(present | {"item_id": str(row["item_id"])}, Item, strict=False)
