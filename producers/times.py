"""Recognises how a column writes time and turns it into UTC milliseconds."""

from __future__ import annotations  # pyarrow's types are generic in its stubs only

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from producers.columns import Times, Values

# Smallest number read as ms, us, ns: as seconds it would lie beyond the year 5138.
SMALLEST_MS, SMALLEST_US, SMALLEST_NS = 1e11, 1e14, 1e17


def milliseconds(column: pa.Array[Any]) -> Times:
    """UTC milliseconds of timestamps, dates, ISO 8601 text, or numbers of s, ms, us or ns since 1970.

    The unit of a number follows from its size. Raises pyarrow.ArrowInvalid for text that is no time, and
    ValueError for a column of another type.
    """
    if pa.types.is_null(column.type) or len(column) == 0:
        return np.zeros(len(column), dtype=np.int64)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = _from_text(column)
    if pa.types.is_temporal(column.type):
        in_ms = column.cast(pa.timestamp("ms", getattr(column.type, "tz", None)), safe=False)
        return _filled(in_ms.cast(pa.int64()))
    if pa.types.is_integer(column.type):
        return _from_integers(_filled(column.cast(pa.int64())))
    if pa.types.is_floating(column.type):
        return _from_floats(column.cast(pa.float64()).fill_null(0).to_numpy())
    raise ValueError(f"a column of type {column.type} holds no times")


def _filled(column: pa.Array[Any]) -> Times:
    times: Times = column.fill_null(0).to_numpy()
    return times


def _from_text(column: pa.Array[Any]) -> pa.Array[Any]:
    """Numbers if all are numbers, else ISO 8601 with a zone, else ISO 8601 in UTC."""
    column = pc.utf8_trim_whitespace(column)
    for kind in (pa.int64(), pa.float64(), pa.timestamp("ns", "UTC")):
        try:
            return column.cast(kind)
        except pa.ArrowInvalid:
            continue
    return column.cast(pa.timestamp("ns"))


def _from_integers(numbers: Times) -> Times:
    size = np.abs(numbers)
    times: Times = np.select(
        [size < SMALLEST_MS, size < SMALLEST_US, size < SMALLEST_NS],
        [numbers * 1000, numbers, numbers // 1000],
        numbers // 1_000_000,
    )
    return times


def _from_floats(numbers: Values) -> Times:
    size = np.abs(numbers)
    factor = np.select([size < SMALLEST_MS, size < SMALLEST_US, size < SMALLEST_NS], [1e3, 1.0, 1e-3], 1e-6)
    times: Times = np.rint(numbers * factor).astype(np.int64)
    return times
