"""Tables of item rows: which items they name, and the same tables with other numbers for the items."""

import numpy as np
import numpy.typing as npt

from models.batch import Bools, Int32s, Int64s
from models.compiled import kernel


def named_in(tables: tuple[npt.NDArray[np.int32], ...], rows: int) -> Int64s:
    """Which of so many rows stand in the tables, ascending; what is below 0 is no row."""
    named: Bools = np.zeros(rows, np.bool_)
    for table in tables:
        _mark(np.ascontiguousarray(table).reshape(-1), named)
    return np.flatnonzero(named)


def renamed(table: npt.NDArray[np.int32], numbers: Int32s) -> npt.NDArray[np.int32]:
    """A table with `numbers[r]` for each row r; what is below 0 stays.

    Raises ValueError for a row beyond them, and for a table of another type.
    """
    if table.dtype != np.int32:
        raise ValueError(f"a table of item rows is of {table.dtype}")
    result = np.empty(table.shape, np.int32)
    if not _rename(np.ascontiguousarray(table).reshape(-1), numbers, result.reshape(-1)):
        raise ValueError("a table names items that are not there")
    return result


@kernel
def _mark(table: Int32s, named: Bools) -> None:
    for place in range(len(table)):
        if table[place] >= 0:
            named[table[place]] = True


@kernel
def _rename(table: Int32s, numbers: Int32s, result: Int32s) -> bool:
    for place in range(len(table)):
        row = table[place]
        if row >= len(numbers):
            return False
        result[place] = numbers[row] if row >= 0 else row
    return True
