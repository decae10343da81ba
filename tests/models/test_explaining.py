"""What accounts for an item's place: the experts' shares and the parts of the ranker's score."""

from typing import Any

import numpy as np
import pytest

from models.explaining import PARTS
from models.ranking import Ranked
from models.recommender import Recommender, RecommenderOptions
from models.registry import EXPERTS, POPULAR_FAST, VECTOR
from models.shard import ProfileShard
from tests.support.learning import learned, random_batch

SIZE = 12
OPTIONS: dict[str, dict[str, Any]] = {
    "all": {},
    "two": {"experts": ("popular_fast", "vector")},
    "diverse": {"diversity": 0.5},
}


def explained(options: dict[str, Any]) -> tuple[Recommender, ProfileShard, Ranked]:
    recommender, shard = learned(RecommenderOptions(**options), random_batch(8, 3000, 30, 150))
    return recommender, shard, recommender.recommend(shard, shard.users.rows_in_use(), SIZE, explain=True)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_shares_sum_to_one_and_the_expert_that_is_the_reason_has_the_largest(options: dict[str, Any]) -> None:
    _, _, ranked = explained(options)
    there = ranked.items >= 0
    assert there.sum() > 200
    assert (ranked.shares >= 0).all()
    np.testing.assert_allclose(ranked.shares.sum(axis=2), there, atol=1e-6)
    largest = ranked.shares.max(axis=2)
    np.testing.assert_array_equal(np.take_along_axis(ranked.shares, ranked.experts[..., None], 2)[..., 0], largest)


def test_an_expert_that_takes_no_part_has_no_share() -> None:
    _, _, ranked = explained(OPTIONS["two"])
    active = [POPULAR_FAST, VECTOR]
    assert np.flatnonzero(ranked.shares.any(axis=(0, 1))).tolist() == active


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_parts_sum_to_the_rankers_score(options: dict[str, Any]) -> None:
    recommender, shard, _ = explained(options)
    scratch = recommender.scratch
    for row in shard.users.rows_in_use():
        ranked = recommender.recommend(shard, np.array([row], np.int32), SIZE, explain=True)
        recommender.recommend(shard, np.array([row], np.int32), SIZE)  # explaining leaves other things in the scratch
        items = ranked.items[0][ranked.items[0] >= 0]
        ordered = scratch.candidates.items[scratch.candidates.chosen].tolist()
        scores = scratch.ranker.scores[[ordered.index(item) for item in items]]
        parts = ranked.parts[0, : len(items)].astype(np.float64)
        np.testing.assert_allclose(parts.sum(axis=1), scores, rtol=1e-5, atol=2e-6 * np.abs(parts).sum(axis=1).max())


def test_each_part_is_what_its_name_says() -> None:
    recommender, _, ranked = explained({})
    parts = dict(zip(PARTS, np.moveaxis(ranked.parts, 2, 0), strict=True))
    assert [name for name, part in parts.items() if not part.any()] == ["rule"]
    assert np.array_equal(
        parts["bias"], np.where(ranked.items >= 0, recommender.knowledge.ranker.bias[ranked.items], 0)
    )
    before_learning, shard = learned(RecommenderOptions(), random_batch(8, 1, 1, 5))
    first = before_learning.recommend(shard, np.zeros(1, np.int32), SIZE, explain=True).parts
    assert np.flatnonzero(first.any(axis=(0, 1))).tolist() in ([], [PARTS.index("mixture")])


def test_nothing_is_explained_unless_asked_and_lists_are_the_same() -> None:
    recommender, shard, ranked = explained({})
    plain = recommender.recommend(shard, shard.users.rows_in_use(), SIZE)
    assert plain.shares.shape == (*ranked.items.shape, 0) == plain.parts.shape
    assert ranked.shares.shape[2] == len(EXPERTS)
    for one, two in zip(plain[:4], ranked[:4], strict=True):
        np.testing.assert_array_equal(one, two)
