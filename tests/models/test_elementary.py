from collections.abc import Callable

import numpy as np
import pytest

from models.batch import Float32s
from models.compiled import kernel
from models.elementary import LEAST_EXPONENT, exponential, take_logarithms

RANDOM = np.random.default_rng(3)


@kernel
def take_exponentials(values: Float32s, count: int) -> None:
    for place in range(count):
        values[place] = exponential(values[place])


@pytest.mark.parametrize(
    "values", [np.exp(RANDOM.uniform(-80, 80, 50_000)), RANDOM.uniform(0.5, 2, 50_000), [1.0, 1.1754944e-38, 3e38]]
)
def test_logarithms_are_those_of_the_library_to_seven_digits(values: Float32s) -> None:
    exact = np.log(np.asarray(values, np.float32).astype(np.float64))
    assert np.abs(taken(take_logarithms, values) - exact).max() <= 3e-7 * max(1, np.abs(exact).max())


def test_exponentials_are_those_of_the_library_to_six_digits() -> None:
    values = np.concatenate([RANDOM.uniform(LEAST_EXPONENT, 80, 100_000), [0.0, -0.0, LEAST_EXPONENT, 80.0]])
    exact = np.exp(values.astype(np.float32).astype(np.float64))
    assert np.abs(taken(take_exponentials, values) / exact - 1).max() <= 3e-7


def test_a_power_of_very_little_counts_as_the_least_one() -> None:
    assert taken(take_exponentials, [-1e30, -100.0]).tolist() == pytest.approx([np.exp(LEAST_EXPONENT)] * 2)


def test_only_the_first_values_are_replaced() -> None:
    row = np.full(4, 2.0, np.float32)
    take_logarithms(row, 3)
    assert row.tolist() == pytest.approx([np.log(2)] * 3 + [2.0])


def taken(function: Callable[[Float32s, int], None], values: Float32s | list[float]) -> Float32s:
    row = np.array(values, np.float32)
    function(row, len(row))
    return row
