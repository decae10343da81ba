from math import isnan, log2

import numpy as np
import pytest

from models.accuracy import gains, rank_metrics


def ranks(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.array(values, np.float32)


def test_figures_are_means_over_the_events_that_reach_the_cutoff() -> None:
    figures = rank_metrics(ranks(1, 10, 10.5, 20, 20.5, np.inf))
    assert figures["hr_at_10"] == pytest.approx(2 / 6)
    assert figures["hr_at_20"] == pytest.approx(4 / 6)
    assert figures["mrr_at_10"] == pytest.approx((1 + 1 / 10) / 6)
    assert figures["mrr_at_20"] == pytest.approx((1 + 1 / 10 + 1 / 10.5 + 1 / 20) / 6)
    assert figures["ndcg_at_10"] == pytest.approx((1 + 1 / log2(11)) / 6)
    assert figures["ndcg_at_20"] == pytest.approx((1 + 1 / log2(11) + 1 / log2(11.5) + 1 / log2(21)) / 6)


def test_an_item_on_top_gains_all_and_one_that_was_not_ranked_nothing() -> None:
    for column in gains(ranks(1, np.inf)).values():
        assert column.tolist() == [1.0, 0.0]


def test_over_no_events_there_are_no_figures() -> None:
    assert all(isnan(figure) for figure in rank_metrics(ranks()).values())
