import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.batch import Float32s
from models.compiled import kernel
from models.lane_sums import BLOCK, HALF, add_weighted_rows, clear_lanes, dot, gather_lanes, total
from models.lanes import LANES

SEEDS = st.integers(0, 1000)
CHANNELS, PLACES, HIGHEST = 3, 5, 6

gather_three = gather_lanes(channels=CHANNELS, apart=PLACES, highest=HIGHEST)


@kernel
def inner(one: Float32s, two: Float32s) -> float:
    return float(dot(one, two))


@kernel
def whole(values: Float32s, count: int) -> float:
    return float(total(values, count))


@kernel
def add_rows(weights: Float32s, rows: Float32s, count: int, out: Float32s) -> None:
    add_weighted_rows(weights, rows, count, out)


@kernel
def gather(sums: Float32s, row: int, values: Float32s, first: int, factors: Float32s) -> None:
    gather_three(sums, row, values, first, factors)


@kernel
def clear(sums: Float32s, row: int) -> None:
    clear_lanes(sums, row)


def numbers(seed: int, *shape: int) -> Float32s:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def close(one: Float32s | float, two: Float32s | float) -> bool:
    return bool(np.allclose(one, two, rtol=1e-5, atol=1e-5))


@given(SEEDS, st.integers(1, 9))
def test_an_inner_product_is_the_sum_of_products(seed: int, blocks: int) -> None:
    one, two = numbers(seed, 2, blocks * LANES)
    assert close(inner(one, two), one.astype(np.float64) @ two)


@given(SEEDS, st.integers(0, 9))
def test_a_sum_takes_whole_sixteens(seed: int, blocks: int) -> None:
    values = numbers(seed, 10 * LANES)
    count = blocks * LANES
    assert close(whole(values, count), values[:count].sum(dtype=np.float64))
    assert whole(values, count + 1) == whole(values, count + LANES) or blocks == 9


@given(SEEDS, st.integers(1, 2 * BLOCK), st.integers(1, 40))
def test_weighted_rows_are_added_to_the_columns_asked_for(seed: int, count: int, rows: int) -> None:
    weights, table, out = numbers(seed, rows), numbers(seed + 1, rows, 2 * BLOCK), numbers(seed + 2, 2 * BLOCK)
    before, columns = out.copy(), -(-count // BLOCK) * BLOCK
    add_rows(weights, table, count, out)
    assert close(out[:columns], before[:columns] + weights @ table[:, :columns])
    assert (out[columns:] == before[columns:]).all()


@given(SEEDS, st.integers(0, 3), st.integers(0, PLACES - 1))
def test_gathering_adds_all_channels_by_their_factors_but_keeps_one_highest(seed: int, row: int, first: int) -> None:
    sums, values, factors = numbers(seed, 4, HALF), numbers(seed + 1, CHANNELS, PLACES), numbers(seed + 2, 4, HALF)
    expected, said = sums.copy(), values[:, first] @ factors[:CHANNELS] + factors[CHANNELS]
    expected[row] += said
    expected[row, HIGHEST] = max(sums[row, HIGHEST], said[HIGHEST])
    gather(sums, row, values, first, factors)
    assert close(sums, expected)


def test_a_cleared_row_is_nothing_and_the_others_stay() -> None:
    sums = np.ones((3, HALF), np.float32)
    clear(sums, 1)
    assert sums.sum(axis=1).tolist() == [HALF, 0, HALF]
