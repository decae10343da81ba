from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.batch import Int64s
from models.exposure import (
    MOST_COUNTED_LISTS,
    coverage,
    exposure_metrics,
    gini,
    head_share,
    mean_popularity_rank,
    novelty,
    shown_counts,
)

COUNTS = st.lists(st.integers(0, 50), min_size=1, max_size=30)


def counts(*values: int) -> Int64s:
    return np.array(values, np.int64)


def test_coverage_is_over_the_items_that_came() -> None:
    assert coverage(counts(3, 0, 1, 0, 0), counts(9, 9, 1, 1, 0)) == 0.5


@given(COUNTS)
def test_the_gini_index_is_the_mean_difference_of_all_pairs_over_twice_the_mean(shown: list[int]) -> None:
    values = counts(*shown)
    found = gini(values, np.ones_like(values))
    if not any(shown):
        assert isnan(found)
    else:
        assert found == pytest.approx(np.abs(values[:, None] - values).mean() / (2 * values.mean()))


def test_the_gini_index_runs_from_equal_exposure_to_one_item_alone() -> None:
    everyone = np.ones(1_000, np.int64)
    assert gini(everyone * 7, everyone) == pytest.approx(0.0)
    alone = np.zeros(1_000, np.int64)
    alone[3] = 20
    assert gini(alone, everyone) == pytest.approx(0.999)


def test_items_that_never_came_change_nothing() -> None:
    shown, events = counts(5, 1, 0, 2), counts(8, 4, 2, 2)
    with_rows_to_spare = [np.append(column, [0, 0, 0]) for column in (shown, events)]
    assert exposure_metrics(shown, shown, events) == exposure_metrics(
        with_rows_to_spare[0], with_rows_to_spare[0], with_rows_to_spare[1]
    )


def test_the_popularity_rank_is_a_mean_over_places_shown_and_ties_count_half() -> None:
    events = counts(5, 100, 20, 20, 1)  # ranks 4, 1, 2.5, 2.5, 5
    assert mean_popularity_rank(counts(0, 3, 0, 0, 0), events) == 1.0
    assert mean_popularity_rank(counts(0, 2, 1, 0, 1), events) == (2 * 1 + 2.5 + 5) / 4


def test_novelty_is_the_surprise_of_a_share_in_bits() -> None:
    events = counts(8, 4, 2, 2)
    assert novelty(counts(1, 0, 0, 0), events) == 1.0
    assert novelty(counts(1, 1, 0, 2), events) == (1 + 2 + 3 + 3) / 4


def test_figures_where_nothing_was_shown() -> None:
    figures = exposure_metrics(counts(0, 0), counts(0, 0), counts(1, 2))
    assert figures["coverage_at_10"] == figures["coverage_at_20"] == 0.0
    assert all(isnan(figures[name]) for name in ("gini_at_20", "popularity_rank_at_20", "novelty_at_20"))
    assert all(isnan(figure) for figure in exposure_metrics(counts(0), counts(0), counts(0)).values())


def test_the_head_is_the_most_shown_hundredth_of_the_catalogue_and_one_item_at_least() -> None:
    shown, events = np.ones(200, np.int64), np.ones(200, np.int64)
    shown[[7, 50]] = 101
    assert head_share(shown, events) == pytest.approx(202 / 400)
    assert head_share(counts(3, 1, 9), counts(1, 1, 0)) == 0.75, "what is not in the catalogue does not count"
    assert isnan(head_share(counts(0, 0), counts(1, 1)))


def test_lists_count_by_the_items_that_they_show() -> None:
    published = np.array([[2, 0, -1], [2, -2, -1], [-1, -1, -1]], np.int32)
    shown, lists = shown_counts([published, published[:1]], 4)
    assert shown.tolist() == [2, 0, 3, 0]
    assert lists == 3
    assert shown_counts([], 2)[0].tolist() == [0, 0]


def test_of_many_lists_a_part_counts() -> None:
    published = np.zeros((3 * MOST_COUNTED_LISTS, 1), np.int32)
    assert shown_counts([published], 1)[0].tolist() == [MOST_COUNTED_LISTS]
