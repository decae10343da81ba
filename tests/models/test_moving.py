"""Which of the user's own items moved an item of the list: without them it falls."""

from typing import Any

import numpy as np
import pytest

from models.batch import Int32s, Interactions
from models.moving import LEAST_FALL, MOVERS, TRIED_ITEMS
from models.profiles import NOBODY
from models.ranking import Ranked
from models.recommender import Recommender, RecommenderOptions
from models.registry import ALL_EXPERTS
from models.sequence_options import SequenceOptions
from models.shard import ProfileShard
from tests.support.learning import learned, random_batch, state_of

EVERYTHING = 128  # so long a list holds every item that the ranker orders
OPTIONS: dict[str, dict[str, Any]] = {
    "all": {},
    "with content": {"experts": tuple(name for name in ALL_EXPERTS if name != "sequence")},
    "vectors alone": {"experts": ("vector",)},
    "co-visitation alone": {"experts": ("next", "forward", "backward", "similar", "basket")},
    "repeats alone": {"experts": ("repeat_recency", "repeat_count", "popular_slow")},
}
STREAMS = {"short histories": (2, 600, 150, 60), "long ones": (3, 3000, 30, 60), "many items": (8, 3000, 40, 400)}


def rows_of(shard: ProfileShard, user: int) -> Int32s:
    return np.array([user], np.int32) if user >= 0 else shard.users.rows_in_use()


def explained(recommender: Recommender, shard: ProfileShard, user: int = -1, size: int = EVERYTHING) -> Ranked:
    return recommender.recommend(shard, rows_of(shard, user), size, explain=True)


def mixed_without(recommender: Recommender, shard: ProfileShard, user: int, own: int) -> dict[int, float]:
    """By item: the mixture's probability when the user's history is blotted where it says `own`."""
    kept = shard.profiles.items[user].copy()
    shard.profiles.items[user][kept == own] = NOBODY
    recommender.recommend(shard, rows_of(shard, user), 1)  # leaves the mixture in the scratch
    shard.profiles.items[user] = kept
    return mixed_now(recommender)


def mixed_now(recommender: Recommender) -> dict[int, float]:
    candidates = recommender.scratch.candidates
    found = int(candidates.found[0])
    return dict(zip(candidates.items[:found].tolist(), candidates.mixed[:found].tolist(), strict=True))


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_without_a_named_item_the_moved_one_falls_by_what_was_said(
    options: dict[str, Any], stream: tuple[int, int, int, int]
) -> None:
    recommender, shard = learned(RecommenderOptions(**options), random_batch(*stream))
    ranked, named = explained(recommender, shard, size=10), 0
    for index, user in enumerate(shard.users.rows_in_use()[:20].tolist()):
        for own in set(ranked.moved.by[index].ravel().tolist()) - {NOBODY}:
            without = mixed_without(recommender, shard, user, own)
            for place, moved in zip(*np.nonzero(ranked.moved.by[index] == own), strict=True):
                before = float(ranked.moved.mixed[index, place])
                after = without.get(int(ranked.items[index, place]), 0.0)
                assert after < before
                assert ranked.moved.falls[index, place, moved] == pytest.approx(1 - after / before, abs=1e-5)
                named += 1
    assert named > 20


def test_at_most_three_of_the_users_own_items_are_named_the_strongest_first() -> None:
    recommender, shard = learned(RecommenderOptions(), random_batch(8, 3000, 30, 60))
    ranked = explained(recommender, shard, size=10)
    there = ranked.moved.by >= 0
    assert there.any(axis=2).sum() > 200
    assert ranked.moved.by.shape[2] == MOVERS < TRIED_ITEMS
    assert (np.diff(ranked.moved.falls, axis=2) <= 0).all()
    assert ((ranked.moved.falls >= LEAST_FALL) == there).all()
    for index, user in enumerate(shard.users.rows_in_use().tolist()):
        named = ranked.moved.by[index][there[index]]
        assert set(named.tolist()) <= set(shard.profiles.items[user].tolist())
        for own in ranked.moved.by[index]:
            assert len(set(own[own >= 0].tolist())) == np.count_nonzero(own >= 0)


def test_what_the_list_of_someone_with_one_event_owes_to_it_is_named() -> None:
    users = [f"u{number}" for number in range(20) for _ in range(2)] + ["ben"]
    items = [name for number in range(20) for name in (("tea", "milk") if number % 2 else ("ink", "pen"))]
    recommender, shard = learned(RecommenderOptions(), Interactions.of(users, [*items, "tea"], range(41)))
    ben = shard.users.row("ben")
    ranked = explained(recommender, shard, ben)
    place = ranked.items[0].tolist().index(recommender.vocabulary.row("milk"))
    assert recommender.vocabulary.ids_of(ranked.moved.by[0, place, :1].tolist()) == ["tea"]
    assert ranked.moved.falls[0, place, 0] > 0.2
    assert ranked.moved.strengths[0, place, 0] == 1.0


def test_the_strength_is_that_of_the_strongest_event_with_the_item() -> None:
    users = [f"u{number}" for number in range(20) for _ in range(2)] + ["ben"] * 3
    batch = Interactions.of(users, [*["tea", "milk"] * 20, "tea", "tea", "tea"], range(43))
    batch.weights[-3:] = (0.25, 0.5, 0.25)
    recommender, shard = learned(RecommenderOptions(), batch)
    moved = explained(recommender, shard, shard.users.row("ben")).moved
    assert set(moved.strengths[moved.by >= 0].tolist()) == {0.5}


def test_a_mixtures_probability_is_what_its_experts_shares_make() -> None:
    """With shares in sum 1, each expert's share times the probability is what it adds; alone, it is its own score."""
    recommender, shard = learned(RecommenderOptions(), random_batch(8, 3000, 30, 60))
    user = int(shard.users.rows_in_use()[0])
    ranked = explained(recommender, shard, user)
    recommender.recommend(shard, rows_of(shard, user), EVERYTHING)  # leaves the scores in the scratch
    candidates, mixture = recommender.scratch.candidates, recommender.mixture
    at = {int(item): position for position, item in enumerate(candidates.items[: candidates.found[0]])}
    positions = [at[item] for item in ranked.items[0].tolist() if item >= 0]
    scores = candidates.scores[:, positions].T.astype(np.float64) * candidates.heard
    for weights in mixture.weights:
        added = weights * scores / weights[candidates.heard].sum()
        told = ranked.shares[0, : len(positions)] * ranked.moved.mixed[0, : len(positions), None]
        if np.allclose(added, told, rtol=1e-4, atol=1e-7):
            return
    pytest.fail("no context's weights make these shares")


def test_naming_leaves_no_trace_and_nothing_is_named_unless_asked() -> None:
    recommender, shard = learned(RecommenderOptions(), random_batch(8, 2000, 30, 60))
    before = state_of(recommender, shard)
    ranked = explained(recommender, shard, size=10)
    for name, array in state_of(recommender, shard).items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)
    again = explained(recommender, shard, size=10)
    for one, two in zip(ranked.moved, again.moved, strict=True):
        np.testing.assert_array_equal(one, two)
    plain = recommender.recommend(shard, shard.users.rows_in_use(), 10)
    assert {array.size for array in plain.moved} == {0}


def test_the_sequence_expert_keeps_what_it_said_of_the_whole_history() -> None:
    """Alone, its word is the whole mixture, and its candidates come from everybody: nothing can fall."""
    options = RecommenderOptions(experts=("sequence",), sequence=SequenceOptions(100))
    recommender, shard = learned(options, random_batch(8, 800, 20, 60))
    moved = explained(recommender, shard, size=10).moved
    assert (moved.mixed > 0).any()
    assert (moved.by == NOBODY).all()
