"""Reads events from files: finds the columns, recognises times, and streams `EventColumns`."""

from __future__ import annotations  # pyarrow's types are generic in its stubs only

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import reduce
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from producers.columns import EventColumns, Values
from producers.files import BATCH_ROWS, CsvShape, Table, open_table, reading
from producers.times import milliseconds
from worker.errors import ConfigurationError

USUAL_NAMES = {
    "user": ("user_id",),
    "item": ("item_id",),
    "time": ("timestamp", "ts"),
    "event": ("event",),
    "value": ("value",),
}
NEEDED = ("user", "item", "time")


@dataclass(frozen=True, slots=True)
class ColumnNames:
    """Which column of a file holds what; None = the usual name: see `USUAL_NAMES`.

    A file needs users, items and times. Without a column of events, `read_events` must be told their kind.
    """

    user: str | None = None
    item: str | None = None
    time: str | None = None
    event: str | None = None
    value: str | None = None


def read_events(
    path: Path,
    columns: ColumnNames | None = None,
    *,
    kind: str | None = None,
    csv: CsvShape | None = None,
    by_time: bool = False,
    on_skipped: Callable[[int], None] = lambda _: None,
) -> Iterator[EventColumns]:
    """The events of a parquet, CSV or JSONL file in batches, in the file's order or (in memory) `by_time`.

    Args:
        path: its name ends in .parquet, .csv, .tsv or .jsonl, compressed or not.
        columns: names of the columns, where they are not the usual ones.
        kind: kind of the events for which the file names none.
        csv: how a CSV file is written, if not with commas below a header line.
        by_time: sorts by time; events of one time keep their order.
        on_skipped: is told how many rows a batch had without user, item or time; they are left out.

    Raises ConfigurationError that names what is missing or unreadable, and what is there.
    """
    table = open_table(path, csv)
    names = _resolve(path, table, columns or ColumnNames(), kind)
    return _stream(path, table, names, kind, by_time, on_skipped)


def count_events(path: Path, csv: CsvShape | None = None) -> int | None:
    """About how many events a file holds, for progress bars; None where only reading it would tell."""
    return open_table(path, csv).count()


def _resolve(path: Path, table: Table, wanted: ColumnNames, kind: str | None) -> dict[str, str]:
    """The file's column for each of our fields that it has."""
    found: dict[str, str] = {}
    for field in fields(wanted):
        given = getattr(wanted, field.name)
        candidates = (given,) if given else USUAL_NAMES[field.name]
        name = next((c for c in candidates if c in table.names), None)
        if name:
            found[field.name] = name
        elif given or field.name in NEEDED or (field.name == "event" and kind is None):
            raise ConfigurationError(
                f"{path} has no column {' or '.join(candidates)!r} for {field.name}; it has {', '.join(table.names)}",
                f"name it with --{field.name}-column"
                + (", or give all events one kind with --event" if field.name == "event" else ""),
            )
    return found


def _stream(
    path: Path,
    table: Table,
    names: Mapping[str, str],
    kind: str | None,
    by_time: bool,
    on_skipped: Callable[[int], None],
) -> Iterator[EventColumns]:
    with reading(path):
        batches = (batch.rename_columns(list(names)) for batch in table.batches(list(names.values())))
        for batch in _sorted(batches) if by_time else batches:
            for begin in range(0, batch.num_rows, BATCH_ROWS):
                part = _with_kind(batch.slice(begin, BATCH_ROWS), kind)
                whole = _complete(part)
                if whole.num_rows < part.num_rows:
                    on_skipped(part.num_rows - whole.num_rows)
                if whole.num_rows:
                    yield _to_columns(whole)


def _sorted(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """All rows by time; numbers for times, so that a table sorts by what they mean and not as text."""
    table = pa.Table.from_batches(list(batches))
    times = milliseconds(table["time"].combine_chunks())
    yield from table.take(np.argsort(times, kind="stable")).to_batches(max_chunksize=BATCH_ROWS)


def _complete(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The rows that have all they need."""
    needed = [batch.column(name) for name in batch.schema.names if name != "value"]
    if not any(column.null_count for column in needed):
        return batch
    return batch.filter(reduce(pc.and_, [column.is_valid() for column in needed]))


def _with_kind(batch: pa.RecordBatch, kind: str | None) -> pa.RecordBatch:
    """Events without a kind get the given one."""
    if kind is None:
        return batch
    if "event" not in batch.schema.names:
        return batch.append_column("event", pa.array([kind] * batch.num_rows, pa.string()))
    place = batch.schema.names.index("event")
    return batch.set_column(place, "event", batch.column(place).cast(pa.string()).fill_null(kind))


def _to_columns(batch: pa.RecordBatch) -> EventColumns:
    has_values = "value" in batch.schema.names
    return EventColumns(
        user_ids=_text(batch.column("user")),
        item_ids=_text(batch.column("item")),
        times_ms=milliseconds(batch.column("time")),
        kinds=_text(batch.column("event")),
        values=_numbers(batch.column("value")) if has_values else np.full(batch.num_rows, np.nan),
    )


def _text(column: pa.Array[Any]) -> list[str]:
    return cast("list[str]", column.cast(pa.string()).to_pylist())  # nulls were left out


def _numbers(column: pa.Array[Any]) -> Values:
    return column.cast(pa.float64()).fill_null(np.nan).to_numpy()
