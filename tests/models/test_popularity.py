import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.experts.popularity import (
    HALF_LIVES_EVENTS,
    RESCALE_AT,
    SPEEDS,
    TOP_ITEMS,
    Popularity,
    learn_popularity,
    rebuild_top,
)

ITEMS = 130
STREAMS = st.lists(st.tuples(st.integers(0, ITEMS - 1), st.sampled_from([0.5, 1.0, 4.0])), max_size=150)


def assert_top_is_right(popularity: Popularity) -> None:
    """The top lists hold the counts of a full sort, in order, and each item knows its place."""
    for speed in range(SPEEDS):
        top, counts = popularity.top[speed], popularity.counts[speed]
        leaders = top[top >= 0]
        expected = np.sort(counts[counts > 0])[::-1][:TOP_ITEMS]
        assert counts[leaders].tolist() == expected.tolist()
        assert len(set(leaders.tolist())) == len(leaders)
        assert (top[len(leaders) :] == -1).all()
        places = np.full(len(counts), -1)
        places[leaders] = np.arange(len(leaders))
        assert popularity.place[speed].tolist() == places.tolist()


@settings(max_examples=60)
@given(STREAMS, st.lists(st.integers(0, ITEMS - 1), max_size=20), STREAMS)
def test_the_top_list_is_that_of_a_full_sort(
    before: list[tuple[int, float]], forgotten: list[int], after: list[tuple[int, float]]
) -> None:
    popularity = Popularity.empty(ITEMS)
    for item, weight in before:
        learn_popularity(popularity, item, weight)
    assert_top_is_right(popularity)
    popularity.counts[:, forgotten] = 0
    rebuild_top(popularity)
    assert_top_is_right(popularity)
    for item, weight in after:
        learn_popularity(popularity, item, weight)
    assert_top_is_right(popularity)


def test_the_top_list_is_right_when_more_items_came_than_it_has_places() -> None:
    popularity = Popularity.empty(ITEMS)
    random = np.random.default_rng(1)
    for item in random.zipf(1.3, 3000) % ITEMS:
        learn_popularity(popularity, int(item), 1.0)
    assert (popularity.top >= 0).all()
    assert_top_is_right(popularity)


def test_counts_halve_within_their_half_life() -> None:
    popularity = Popularity.empty(2)
    learn_popularity(popularity, 0, 1.0)
    for _ in range(500):
        learn_popularity(popularity, 1, 1.0)
    shares = popularity.counts / popularity.scale[:, None]
    ages = 501 / np.array(HALF_LIVES_EVENTS)
    assert shares[:, 0] == pytest.approx(0.5**ages)
    assert popularity.totals == pytest.approx(popularity.counts.sum(axis=1))


def test_rescaling_changes_no_count() -> None:
    plain, scaled = Popularity.empty(ITEMS), Popularity.empty(ITEMS)
    scaled.scale[:] = RESCALE_AT * 0.9
    for item in np.random.default_rng(2).integers(0, ITEMS, 20_000).tolist():
        learn_popularity(plain, item, 1.0)
        learn_popularity(scaled, item, 1.0)
    assert (scaled.scale < plain.scale).all()
    np.testing.assert_allclose(scaled.counts / scaled.scale[:, None], plain.counts / plain.scale[:, None])
    np.testing.assert_allclose(scaled.totals / scaled.scale, plain.totals / plain.scale)
    assert_top_is_right(scaled)
