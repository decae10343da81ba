from itertools import count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.batch import Int32s
from models.item_rows import named_in, renamed

ROWS = 9
TABLES = arrays(np.int32, st.tuples(st.integers(0, 5), st.integers(1, 4)), elements=st.integers(-2, ROWS - 1))


@given(TABLES, TABLES)
def test_the_rows_that_stand_in_tables_are_found(one: Int32s, other: Int32s) -> None:
    expected = sorted({row for table in (one, other) for row in table.ravel().tolist() if row >= 0})
    assert named_in((one, other), ROWS).tolist() == expected


@given(TABLES, st.permutations(range(ROWS)))
def test_each_row_gets_its_number_and_what_is_no_row_stays(table: Int32s, numbers: list[int]) -> None:
    found = renamed(table, np.array(numbers, np.int32))
    expected = [numbers[row] if row >= 0 else row for row in table.ravel().tolist()]
    assert (found.shape, found.ravel().tolist()) == (table.shape, expected)


@given(TABLES)
def test_numbers_of_the_rows_in_use_and_back_again_change_nothing(table: Int32s) -> None:
    rows = named_in((table,), ROWS)
    numbers = dict(zip(rows.tolist(), count(), strict=False))
    there = renamed(table, np.array([numbers.get(row, 0) for row in range(ROWS)], np.int32))
    np.testing.assert_array_equal(renamed(there, rows.astype(np.int32)), table)


def test_a_part_of_a_larger_table_is_read_as_it_stands() -> None:
    table = np.arange(12, dtype=np.int32).reshape(4, 3)
    assert named_in((table[1:, :2],), 12).tolist() == [3, 4, 6, 7, 9, 10]
    assert renamed(table[:2, 1:], np.arange(12, 0, -1, dtype=np.int32)).tolist() == [[11, 10], [8, 7]]


def test_a_row_beyond_the_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match="items that are not there"):
        renamed(np.array([[0, 2]], np.int32), np.zeros(2, np.int32))


@pytest.mark.parametrize("kind", ["f4", "f8", "i8", "u1"])
def test_a_table_of_rows_of_another_type_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match=f"a table of item rows is of {np.dtype(kind)}"):
        renamed(np.zeros((2, 3), kind), np.arange(4, dtype=np.int32))
