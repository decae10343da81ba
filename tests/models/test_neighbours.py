import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import neighbours
from models.batch import Interactions
from models.compiled import kernel
from models.neighbours import (
    BACKWARD,
    CHANNELS,
    FORWARD,
    NEIGHBOURS,
    NEXT,
    RESCALE_AT,
    SETS,
    WAYS,
    Neighbours,
    add_neighbour,
    age_neighbours,
    place_of,
)
from models.recommender import RecommenderOptions
from tests.support.learning import items_of, learned, random_batch

ADDITIONS = st.lists(
    st.tuples(st.integers(0, 200), st.sampled_from([NEXT, FORWARD, BACKWARD]), st.sampled_from([0.25, 1.0, 2.0])),
    max_size=300,
)


@kernel
def add(table: Neighbours, row: int, item: int, channel: int, weight: float) -> None:
    add_neighbour(table, row, item, channel, weight)


@kernel
def find(table: Neighbours, row: int, item: int) -> int:
    return place_of(table, row, item)


def same_set(items: int) -> list[int]:
    """So many items that compete for the places of one set."""
    table = Neighbours.empty(1)
    chosen: list[int] = []
    wanted = -1
    for item in range(100_000):
        table.items[:] = -1
        add(table, 0, item, NEXT, 1.0)
        where = int(np.flatnonzero(table.items[0] >= 0)[0]) // WAYS
        wanted = where if wanted < 0 else wanted
        chosen += [item] if where == wanted else []
        if len(chosen) == items:
            break
    return chosen


@given(ADDITIONS)
def test_a_row_stays_bounded_and_holds_each_neighbour_once(additions: list[tuple[int, int, float]]) -> None:
    table, totals = Neighbours.empty(2), np.zeros(CHANNELS)
    for item, channel, weight in additions:
        add(table, 1, item, channel, weight)
        totals[channel] += weight
        assert find(table, 1, item) >= 0
    held = table.items[1][table.items[1] >= 0]
    assert len(set(held.tolist())) == len(held) <= NEIGHBOURS
    assert table.totals[1].tolist() == totals.tolist()
    assert (table.items[0] == -1).all()
    assert not table.counts[0].any()


def test_counts_add_up_by_channel() -> None:
    table = Neighbours.empty(4)
    for channel, weight in ((NEXT, 1.0), (FORWARD, 0.5), (FORWARD, 0.25), (BACKWARD, 2.0)):
        add(table, 3, 2, channel, weight)
    assert table.counts[3, :, find(table, 3, 2)].tolist() == [1.0, 0.75, 2.0, 0.0]
    assert find(table, 2, 3) == -1


def test_a_full_set_gives_up_its_lightest_neighbour() -> None:
    items = same_set(WAYS + 1)
    table = Neighbours.empty(1)
    for place, item in enumerate(items[:WAYS]):
        add(table, 0, item, FORWARD, 10.0 + place)
    add(table, 0, items[0], NEXT, 5.0)
    add(table, 0, items[1], BACKWARD, 1.0)
    add(table, 0, items[WAYS], NEXT, 1.0)
    assert [find(table, 0, item) >= 0 for item in items] == [True, False] + [True] * (WAYS - 1)
    assert table.counts[0, :, find(table, 0, items[WAYS])].tolist() == [1.0, 0.0, 0.0, 0.0]


def test_neighbours_spread_evenly_over_the_sets() -> None:
    table = Neighbours.empty(1)
    for item in range(NEIGHBOURS * 10):
        add(table, 0, item, NEXT, 1.0)
    assert (table.items[0] >= 0).reshape(SETS, WAYS).all()


def test_weights_halve_within_their_half_life() -> None:
    table = Neighbours.empty(2)
    add(table, 0, 1, FORWARD, float(table.scale[0]))
    for _ in range(1000):
        age_neighbours(table, 1, 1.0)
    left = table.counts[0, FORWARD, find(table, 0, 1)] / table.scale[0]
    assert left == pytest.approx(0.5 ** (1000 / neighbours.HALF_LIFE_EVENTS), rel=1e-6)
    assert table.mass[1] / table.scale[0] == pytest.approx(1000, rel=0.01)


def test_rescaling_changes_no_ranking() -> None:
    options = RecommenderOptions(experts=("next", "forward", "similar"))
    batch = random_batch(1, 400, 10, 40)
    plain, plain_shard = learned(options, Interactions.of([], [], []))
    scaled, scaled_shard = learned(options, Interactions.of([], [], []))
    # as if so many events had passed that the scale is a few events from its bound
    scaled.knowledge.neighbours.scale[0] = RESCALE_AT / 2.0 ** (200 / neighbours.HALF_LIFE_EVENTS)
    for recommender, shard in ((plain, plain_shard), (scaled, scaled_shard)):
        recommender.learn(shard, batch)
    assert scaled.knowledge.neighbours.scale[0] < 2.0
    assert items_of(scaled, scaled_shard) == items_of(plain, plain_shard)
    for one, two in ((plain.knowledge.neighbours, scaled.knowledge.neighbours),):
        for name in ("counts", "totals", "mass"):
            left, right = getattr(one, name) / one.scale[0], getattr(two, name) / two.scale[0]
            np.testing.assert_allclose(left, right, rtol=1e-4)
