"""Lists by maximal marginal relevance, and with few items of a category."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.diversity import Diversity, DiversityScratch, pick_diverse
from models.experts.vectors import WIDTH
from models.recommender import Recommender, RecommenderOptions
from models.shard import ProfileShard
from tests.support.learning import items_of, learned, lists_of, random_batch

ITEMS = 60


def shop(**options: Any) -> tuple[Recommender, ProfileShard]:
    """A recommender that knows items of five categories; the last ten have none."""
    recommender, shard = learned(RecommenderOptions(**options), random_batch(5, 3000, 12, ITEMS))
    for number in range(ITEMS):
        recommender.set_shown(f"i{number}", shown=True, category=f"c{number % 5}" if number < 50 else "")
    return recommender, shard


def category(item: str) -> int | None:
    number = int(item[1:])
    return number % 5 if number < 50 else None


def picked(
    share: float, cap: int, relevance: list[float], categories: list[int], vectors: np.ndarray[Any, Any], size: int
) -> list[int]:
    """What the kernel picks of rows 0, 1, 2, ..."""
    scratch, count = DiversityScratch.empty(), len(relevance)
    scratch.rows[:count] = np.arange(count)
    scratch.relevance[:count] = relevance
    rule = Diversity(share, cap)
    length = pick_diverse(rule, vectors, np.array(categories, np.int32), count, size, scratch)
    places: list[int] = scratch.picked[:length].tolist()
    return places


def plainly_picked(
    share: float, cap: int, relevance: list[float], categories: list[int], vectors: np.ndarray[Any, Any], size: int
) -> list[int]:
    """The formula, word by word."""
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    chosen: list[int] = []
    while len(chosen) < size:
        held = [categories[place] for place in chosen]
        free = [
            place
            for place in range(len(relevance))
            if place not in chosen and not (cap and categories[place] >= 0 and held.count(categories[place]) >= cap)
        ]
        if not free:
            break
        weight = share if chosen else 0.0
        nearest = {place: max((float(units[place] @ units[other]) for other in chosen), default=-1) for place in free}
        chosen.append(max(free, key=lambda place: (1 - weight) * relevance[place] - weight * nearest[place]))
    return chosen


@given(
    seed=st.integers(0, 1000),
    share=st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]),
    cap=st.integers(0, 3),
    count=st.integers(1, 30),
    size=st.integers(1, 12),
)
def test_each_place_goes_to_the_item_of_the_highest_marginal_relevance(
    seed: int, share: float, cap: int, count: int, size: int
) -> None:
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((count, WIDTH)).astype(np.float32)
    relevance = random.normal(0, 3, count).astype(np.float32).tolist()
    categories = random.integers(-1, 3, count).tolist()
    assert picked(share, cap, relevance, categories, vectors, size) == plainly_picked(
        share, cap, relevance, categories, vectors, size
    )


def test_a_twin_of_the_best_comes_after_what_is_e_times_less_likely_at_one_half() -> None:
    vectors = np.zeros((3, WIDTH), np.float32)
    vectors[0, 0] = vectors[1, 0] = vectors[2, 1] = 1.0
    assert picked(0.5, 0, [0.0, 0.0, -0.9], [-1] * 3, vectors, 3) == [0, 2, 1]
    assert picked(0.5, 0, [0.0, 0.0, -1.1], [-1] * 3, vectors, 3) == [0, 1, 2]


def test_without_a_rule_and_under_one_that_never_binds_lists_are_the_same() -> None:
    assert lists_of(*shop(most_per_category=1000)) == lists_of(*shop())


def test_the_best_item_stays_first_and_the_others_are_more_different() -> None:
    plain, diverse = items_of(*shop(), size=10), items_of(*shop(diversity=0.7), size=10)
    recommender, _ = shop()
    rows = {item: recommender.vocabulary.row(item) for item in recommender.vocabulary._rows}

    def closeness(lists: dict[str, list[str]]) -> float:
        total = 0.0
        for found in lists.values():
            vectors = recommender.knowledge.vectors.outputs[[rows[item] for item in found]]
            units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
            total += float((units @ units.T).mean())
        return total / len(lists)

    assert {user: found[0] for user, found in diverse.items()} == {user: found[0] for user, found in plain.items()}
    assert diverse != plain
    assert closeness(diverse) < closeness(plain) - 0.02


@pytest.mark.parametrize("options", [{"diversity": 0.8}, {"most_per_category": 2}])
def test_scores_and_reasons_follow_the_items(options: dict[str, Any]) -> None:
    whole = lists_of(*shop(), size=100)
    for user, found in lists_of(*shop(**options), size=10).items():
        assert len(found) == 10
        assert set(found) <= set(whole[user])


@pytest.mark.parametrize("diversity", [0.0, 0.6])
def test_no_category_has_more_items_than_it_may(diversity: float) -> None:
    for found in items_of(*shop(most_per_category=2, diversity=diversity), size=40).values():
        held = [category(item) for item in found]
        assert [held.count(number) for number in range(5)] == [2] * 5
        assert held.count(None) == len(found) - 10
        assert len(set(found)) == len(found)


def test_the_popular_list_keeps_the_rule_too() -> None:
    recommender, _ = shop(most_per_category=1, diversity=0.3)
    rows, shares = recommender.popular(30)
    held = [category(item) for item in recommender.vocabulary.ids_of(rows.tolist())]
    assert [held.count(number) for number in range(5)] == [1] * 5
    assert len(shares) == len(rows) > 5
    best, _ = shop()[0].popular(1)
    assert rows[0] == best[0]


def test_ranking_by_a_rule_leaves_no_trace() -> None:
    recommender, shard = shop(diversity=0.5, most_per_category=3)
    assert lists_of(recommender, shard) == lists_of(recommender, shard)
