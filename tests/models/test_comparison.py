from itertools import product
from math import isnan

import numpy as np
import pytest

from models.batch import Bools
from models.comparison import compare, difference_interval, mcnemar


def hits(both: int, first: int, second: int) -> tuple[Bools, Bools]:
    """Events that both models hit, and that only one did."""
    return np.repeat([True, True, False, False], [both, first, second, 9]), np.repeat(
        [True, False, True, False], [both, first, second, 9]
    )


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 0), (2, 7), (7, 2), (5, 5), (10, 0), (3, 9)])
def test_few_differences_are_tested_by_counting_all_splits(first: int, second: int) -> None:
    splits = [sum(split) for split in product([0, 1], repeat=first + second)]
    as_uneven = np.mean([abs(2 * split - first - second) >= abs(first - second) for split in splits])
    found = mcnemar(*hits(5, first, second))
    assert found.p_value == pytest.approx(float(as_uneven))
    assert (found.first_only, found.second_only) == (first, second)


def test_many_differences_are_tested_by_chi_square_with_continuity_correction() -> None:
    """For 40 against 20: (20 - 1)^2 / 60 = 6.017, of which a table gives .0142; 5 and 30 each way differ by nothing."""
    assert mcnemar(*hits(1_000, 40, 20)).p_value == pytest.approx(0.01417, abs=1e-5)
    assert mcnemar(*hits(1_000, 30, 30)).p_value == 1.0
    assert mcnemar(*hits(0, 3_000, 1_000)).p_value < 1e-100


@pytest.mark.parametrize("split", [(15, 10), (18, 7), (14, 11)])
def test_the_two_tests_agree_where_one_takes_over(split: tuple[int, int]) -> None:
    chi_square, exact = mcnemar(*hits(0, *split)), mcnemar(*hits(0, split[0] - 1, split[1]))
    assert sum(chi_square[:2]) == 25
    assert chi_square.p_value == pytest.approx(exact.p_value, abs=0.2)


def test_intervals_hold_the_true_difference_as_often_as_they_say_although_baskets_are_hit_together() -> None:
    random = np.random.default_rng(1)
    held = 0
    for seed in range(200):
        baskets = random.normal(0.1, 1.0, 400)
        low, high = difference_interval(np.repeat(baskets, 10), seed)[1:]
        held += low <= 0.1 <= high
    assert 180 <= held <= 198


def test_the_same_seed_gives_the_same_interval_about_the_difference() -> None:
    differences = np.random.default_rng(2).choice([-1.0, 0.0, 1.0], 30_000)
    interval = difference_interval(differences, 5)
    assert interval == difference_interval(differences, 5)
    assert interval != difference_interval(differences, 6)
    assert interval.low < interval.difference == differences.mean() < interval.high


@pytest.mark.parametrize("events", [1, 3, 49, 50, 5_001])
def test_models_that_never_differ_have_an_interval_of_no_width(events: int) -> None:
    assert difference_interval(np.full(events, 0.25)) == (0.25, 0.25, 0.25)


def test_ranks_are_compared_at_20_in_hits_and_reciprocal_ranks() -> None:
    first = np.tile(np.array([1, 20, 20.5, 4], np.float32), 100)
    second = np.tile(np.array([2, 21, 20.5, 4], np.float32), 100)
    result = compare(first, second)
    assert result["hr_at_20"]["difference"] == 0.25
    assert result["mrr_at_20"]["difference"] == pytest.approx((1 / 2 + 1 / 20) / 4)
    assert result["mrr_at_20"]["low"] > 0
    assert (result["mcnemar"]["first_only"], result["mcnemar"]["second_only"]) == (100, 0)


def test_without_events_nothing_can_be_said() -> None:
    none = np.zeros(0, np.float32)
    result = compare(none, none)
    assert isnan(result["hr_at_20"]["difference"])
    assert result["mcnemar"] == {"first_only": 0, "second_only": 0, "p_value": 1.0}
