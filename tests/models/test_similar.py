"""Similar items: the formula in numpy, what fills up, what is left out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.batch import Float32s, Int32s, Interactions
from models.descriptions import Description
from models.experts.covisitation import BACKWARD_WEIGHT, BASKET_WEIGHT
from models.experts.popularity import standing
from models.neighbours import BACKWARD, BASKET, FORWARD
from models.recommender import Recommender, RecommenderOptions
from models.registry import ALL_EXPERTS
from models.similar import COLD_SCORE, count_shown, rows_that_name, similar_items

MINUTE_MS = 60_000


def shop(baskets: list[list[str]], experts: tuple[str, ...] = ALL_EXPERTS[:-1]) -> Recommender:
    """Each basket is a user's, item after item, a minute apart."""
    recommender = Recommender(RecommenderOptions(max_items=100, max_users=100, experts=experts))
    users = [f"u{number}" for number, basket in enumerate(baskets) for _ in basket]
    items = [item for basket in baskets for item in basket]
    times = [MINUTE_MS * place for basket in baskets for place in range(len(basket))]
    recommender.learn(recommender.new_shard(), Interactions.of(users, items, times))
    return recommender


def names(recommender: Recommender, item: str, size: int = 20) -> list[str]:
    rows = recommender.vocabulary.rows_of([item])
    found = similar_items(recommender.knowledge, recommender.shelf().shown, rows, size)
    return recommender.vocabulary.ids_of(found.items[0].tolist())


def expected_scores(recommender: Recommender, row: int) -> dict[int, float]:
    """By the formula of covisitation's docstring, in float64, by item row."""
    table = recommender.knowledge.neighbours
    counts, events = (each.astype(np.float64) / table.scale[0] for each in (table.counts[row], table.mass))
    around = counts[FORWARD] + BACKWARD_WEIGHT * counts[BACKWARD] + BASKET_WEIGHT * counts[BASKET]
    scores = around / np.sqrt(events[row] + 1) / (events[np.maximum(table.items[row], 0)] + 1) ** 0.25
    return {
        int(item): float(score) for item, score in zip(table.items[row], scores, strict=True) if item >= 0 and score > 0
    }


ITEMS = st.sampled_from("abcdefgh")


@given(baskets=st.lists(st.lists(ITEMS, max_size=6), min_size=1, max_size=8), size=st.integers(1, 10))
def test_similar_items_are_the_best_by_the_formula(baskets: list[list[str]], size: int) -> None:
    recommender = shop([["a", "b"], *baskets])
    rows: Int32s = recommender.vocabulary.rows_in_use()
    found = similar_items(recommender.knowledge, recommender.shelf().shown, rows, size)
    for index, row in enumerate(rows.tolist()):
        expected = expected_scores(recommender, row)
        own = found.items[index][found.items[index] >= 0].tolist()
        assert len(set(own)) == len(own) == found.together[index] == min(size, len(expected))
        scores: Float32s = found.scores[index][: len(own)]
        np.testing.assert_allclose(scores, sorted(expected.values(), reverse=True)[:size], rtol=1e-5)
        np.testing.assert_allclose(scores, [expected[item] for item in own], rtol=1e-5)


def test_an_item_is_not_similar_to_itself_and_what_is_hidden_is_not_named() -> None:
    recommender = shop([["tea", "tea", "cup", "spoon"]] * 3)
    assert set(names(recommender, "tea")) == {"cup", "spoon"}
    recommender.set_shown("cup", shown=False)
    assert names(recommender, "tea") == ["spoon"]


def test_what_is_described_alike_fills_up_where_few_items_come_around() -> None:
    recommender = shop([["green tea", "cup"]] * 3, ALL_EXPERTS)
    said = ["green tea", "black tea", "white tea", "cup", "drill"]
    recommender.describe_items([Description(each, f"{each} for the kitchen") for each in said])
    rows = recommender.vocabulary.rows_of(["green tea", "black tea"])
    found = similar_items(recommender.knowledge, recommender.shelf().shown, rows, 4)
    assert found.together.tolist() == [1, 0]
    assert recommender.vocabulary.ids_of(found.items[0].tolist())[0] == "cup"
    assert len(set(found.items[0].tolist())) == 4, "no item is named twice"
    assert set(recommender.vocabulary.ids_of(found.items[1].tolist())) == set(said) - {"black tea"}
    assert (np.diff(found.scores, axis=1) <= 0).all()
    assert 0 < found.scores[1].max() <= COLD_SCORE


def test_the_items_that_a_change_concerns_are_found() -> None:
    recommender = shop([["a", "b"], ["c", "d"]])
    rows = recommender.vocabulary.rows_of(["b"])
    assert np.flatnonzero(rows_that_name(recommender.knowledge, rows)).tolist() == [recommender.vocabulary.row("a")]


def test_an_item_that_comes_more_often_lately_rises() -> None:
    recommender = shop([["old"] * 40, ["new"] * 4, ["old"] * 3, ["new"] * 9])
    rows = recommender.vocabulary.rows_of(["old", "new"])
    shares, trends = standing(recommender.knowledge.popularity, rows)
    assert shares.sum() == pytest.approx(1.0)
    assert trends[0] < 1 < trends[1]


def test_an_item_without_events_has_no_share_and_no_trend() -> None:
    recommender = shop([["a", "b"]], ALL_EXPERTS)
    recommender.describe_items([Description("new", "a thing")])
    shares, trends = standing(recommender.knowledge.popularity, recommender.vocabulary.rows_of(["new"]))
    assert (shares.tolist(), trends.tolist()) == ([0.0], [0.0])


def test_lists_are_counted_by_the_items_that_they_show() -> None:
    counts = np.zeros(4, np.int64)
    count_shown(np.array([[0, 1, -1], [1, -2, 3], [-1, -1, -1]], np.int32), counts)
    assert counts.tolist() == [1, 2, 0, 1]
