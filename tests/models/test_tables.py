from typing import NamedTuple

import numpy as np
import pytest

from models.batch import Float32s, Int32s
from models.knowledge import Knowledge
from models.registry import EXPERTS
from models.tables import copied, dump, first_rows, fitted, load, row_axes, size_bytes


class Inner(NamedTuple):
    weights: Float32s


class Outer(NamedTuple):
    rows: Int32s
    inner: Inner


def tree(rows: int, fill: int) -> Outer:
    return Outer(np.full((rows, 2), fill, np.int32), Inner(np.full(rows, fill, np.float32)))


def test_a_tree_is_dumped_by_dotted_names_and_loaded_into_a_larger_one() -> None:
    flat = dump(tree(2, 7), "t.")
    assert list(flat) == ["t.rows", "t.inner.weights"]
    loaded = load(tree(3, -1), flat, "t.")
    assert loaded.rows.tolist() == [[7, 7], [7, 7], [-1, -1]]
    assert loaded.inner.weights.tolist() == [7, 7, -1]


def test_a_tree_can_be_fitted_to_more_rows_and_to_fewer() -> None:
    assert fitted(tree(1, 7), tree(2, 0)).inner.weights.tolist() == [7, 0]
    assert fitted(tree(3, 7), tree(1, 0)).rows.tolist() == [[7, 7]]


@pytest.mark.parametrize(
    "wrong",
    [{}, {"rows": np.zeros((2, 2), np.int64)}, {"rows": np.zeros(2, np.int32)}, {"rows": np.zeros((4, 2), np.int32)}],
    ids=["missing", "another type", "another shape", "too long"],
)
def test_arrays_that_do_not_fit_are_refused_by_name(
    wrong: dict[str, Int32s],
) -> None:
    with pytest.raises(ValueError, match="table rows"):
        load(tree(3, 0), {"inner.weights": np.zeros(3, np.float32), **wrong})


@pytest.mark.parametrize("rows", [0, 1, 64, 100])
def test_the_first_rows_are_found_wherever_an_array_has_its_rows(rows: int) -> None:
    active = np.ones(len(EXPERTS), np.bool_)
    whole = Knowledge.empty(100, active)
    for number, array in enumerate(dump(whole).values()):
        array[...] = np.arange(array.size).reshape(array.shape) + number
    expected = dump(fitted(whole, Knowledge.empty(rows, active)))
    found = dump(first_rows(whole, rows, row_axes(lambda items: Knowledge.empty(items, active))))
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name, strict=True)


def test_a_copy_stays_as_it_is() -> None:
    changing = tree(2, 7)
    kept = copied(dump(first_rows(changing, 1, row_axes(lambda rows: tree(rows, 0)))))
    changing.rows[:] = 8
    changing.inner.weights[:] = 8
    assert kept["rows"].tolist() == [[7, 7]]
    assert kept["inner.weights"].tolist() == [7]


def test_the_size_is_that_of_all_arrays() -> None:
    assert size_bytes(tree(10, 0)) == 10 * 2 * 4 + 10 * 4
