import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.batch import Float32s, Int32s
from models.compiled import kernel
from models.lanes import LANES, find_lane, lightest_lane

FACTORS = (1.0, 2.0, 0.5)
ROWS, PLACES, PLANES = 3, 2 * LANES, len(FACTORS)

lightest_of_planes = lightest_lane(FACTORS, apart=PLACES)
weights = st.lists(st.integers(0, 1000), min_size=ROWS * PLANES * PLACES, max_size=ROWS * PLANES * PLACES)


@kernel
def find(array: Int32s, first: int, wanted: int) -> int:
    return find_lane(array, first, wanted)


@kernel
def lightest(array: Float32s, first: int) -> int:
    return lightest_of_planes(array, first)


@given(st.lists(st.integers(-1, 20), min_size=PLACES, max_size=PLACES), st.integers(0, LANES), st.integers(-1, 20))
def test_a_number_is_found_where_it_first_stands_within_sixteen_places(
    numbers: list[int], first: int, wanted: int
) -> None:
    within = numbers[first : first + LANES]
    expected = within.index(wanted) if wanted in within else LANES
    assert find(np.array([numbers], np.int32), first, wanted) == expected


@given(weights, st.integers(0, ROWS - 1), st.integers(0, LANES))
def test_the_lightest_place_is_the_first_whose_sum_over_the_planes_is_least(
    numbers: list[int], row: int, first: int
) -> None:
    array = np.array(numbers, np.float32).reshape(ROWS, PLANES, PLACES)
    expected = np.dot(FACTORS, array[row, :, first : first + LANES]).argmin()
    assert lightest(array, row * PLANES * PLACES + first) == expected


def test_sums_that_hardly_differ_pass_for_equal() -> None:
    array = np.full((1, PLANES, PLACES), 1.0, np.float32)
    array[0, 0, 5] -= 1e-7
    assert lightest(array, 0) == 0
    array[0, 0, 5] -= 1e-4
    assert lightest(array, 0) == 5
