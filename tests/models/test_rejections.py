"""Negative events: dislikes, returns, low ratings. The item leaves the user's history and lists until taken again."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.batch import Interactions
from models.evaluation import prequential, scored_events
from models.policies import Repeats
from models.profiles import HISTORY_EVENTS, REJECTED_ITEMS
from models.recommender import Recommender, RecommenderOptions
from models.shard import ProfileShard
from tests.support.learning import (
    Event,
    assert_same_state,
    batch_of,
    history_of,
    items_of,
    learned,
    random_batch,
    restored,
    state_of,
)

ALLOW = RecommenderOptions(repeats=Repeats.ALLOW)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from([f"i{number}" for number in range(20)]),
        st.sampled_from([0, 1000]),
        st.sampled_from([1.0, 1.0, -1.0, -0.25, 0.0]),
    ),
    max_size=80,
)


def rejections(user: str, *items: str, weight: float = -1.0) -> Interactions:
    return batch_of([(user, item, 10**9, weight) for item in items])


def rejected(recommender: Recommender, shard: ProfileShard, user: str) -> list[str]:
    rows = shard.profiles.rejected[shard.users.row(user)]
    return recommender.vocabulary.ids_of(rows[rows >= 0].tolist())


def shop() -> tuple[Recommender, ProfileShard]:
    return learned(ALLOW, random_batch(1, 400, 8, 15))


def fit_of(recommender: Recommender, shard: ProfileShard, user: str, item: str) -> float:
    """What the user's own vector says of the item."""
    output = recommender.knowledge.vectors.outputs[recommender.vocabulary.row(item)]
    return float(shard.profiles.taste[shard.users.row(user)] @ output)


def test_a_rejected_item_leaves_history_and_lists_until_it_is_taken_again() -> None:
    recommender, shard = shop()
    item = items_of(recommender, shard)["u1"][0]
    assert item in history_of(recommender, shard, "u1")
    recommender.learn(shard, rejections("u1", item))
    assert item not in history_of(recommender, shard, "u1")
    assert item not in items_of(recommender, shard, 20)["u1"]
    recommender.learn(shard, batch_of([("u2", item, 0, 1.0)]))
    assert item not in items_of(recommender, shard, 20)["u1"]
    recommender.learn(shard, batch_of([("u1", item, 0, 1.0)]))
    assert item in items_of(recommender, shard, 20)["u1"]


def test_a_rejection_is_nobody_elses_business() -> None:
    recommender, shard = shop()
    before, others = recommender.dump(), items_of(recommender, shard)
    recommender.learn(shard, rejections("u1", *others["u1"]))
    assert_same_state(before, recommender.dump())
    after = items_of(recommender, shard)
    assert {user for user in others if after[user] != others[user]} == {"u1"}


def test_a_new_user_who_rejects_gets_no_history() -> None:
    recommender, shard = shop()
    recommender.learn(shard, rejections("new", "i3"))
    assert shard.profiles.events[shard.users.row("new")] == 0
    items = items_of(recommender, shard, 20)["new"]
    assert items
    assert "i3" not in items


def test_the_users_taste_turns_away_by_bounded_steps() -> None:
    recommender, shard = shop()
    item = items_of(recommender, shard)["u1"][0]
    fits = [fit_of(recommender, shard, "u1", item)]
    for _ in range(20):
        recommender.learn(shard, rejections("u1", item))
        fits.append(fit_of(recommender, shard, "u1", item))
    steps = -np.diff(fits)
    assert (steps > 0).all()
    assert steps[-1] < steps[0]
    length = np.linalg.norm(recommender.knowledge.vectors.outputs[recommender.vocabulary.row(item)])
    assert (steps <= 0.8 * length).all()


def test_a_weaker_rejection_moves_taste_less() -> None:
    moved = []
    for weight in (-0.25, -1.0, -4.0):
        recommender, shard = shop()
        before = fit_of(recommender, shard, "u1", "i3")
        recommender.learn(shard, rejections("u1", "i3", weight=weight))
        moved.append(before - fit_of(recommender, shard, "u1", "i3"))
    assert 0 < moved[0] < moved[1] < moved[2]


def test_the_last_rejected_items_are_remembered_once_each() -> None:
    recommender, shard = learned(ALLOW, Interactions.of(["a"] * 20, [f"i{n}" for n in range(20)], range(20)))
    recommender.learn(shard, rejections("b", *(f"i{n}" for n in range(20)), "i10"))
    newest_first = ["i10", *(f"i{n}" for n in range(19, 10, -1)), *(f"i{n}" for n in range(9, 3, -1))]
    assert rejected(recommender, shard, "b") == newest_first
    assert len(newest_first) == REJECTED_ITEMS


def test_a_rejected_item_that_is_forgotten_leaves_room_for_the_one_that_gets_its_row() -> None:
    recommender, shard = learned(
        RecommenderOptions(max_items=3, repeats=Repeats.ALLOW), Interactions.of(["a"] * 5, list("xyyzz"), range(5))
    )
    recommender.learn(shard, rejections("b", "x", "y"))
    recommender.learn(shard, Interactions.of(["c"] * 3, list("vvv"), range(3)))
    assert recommender.vocabulary.row("x") == -1
    assert rejected(recommender, shard, "b") == ["y"]
    assert set(items_of(recommender, shard)["b"]) == {"z", "v"}


def test_a_moved_user_rejects_the_same_items_in_other_rows() -> None:
    owner, shard = shop()
    owner.learn(shard, rejections("u1", "i3", "i9", "unknown"))
    other = Recommender(ALLOW)
    other.learn(other.new_shard(), random_batch(2, 300, 10, 80, least_user=50))
    assert other.vocabulary.row("i3") != owner.vocabulary.row("i3")
    moved = other.load_shard(owner.dump_shard(shard))
    assert rejected(other, moved, "u1") == ["unknown", "i9", "i3"]
    assert not {"i3", "i9"} & set(items_of(other, moved, 20)["u1"])


def test_forgotten_users_take_what_they_rejected_along() -> None:
    recommender, shard = learned(
        RecommenderOptions(max_users=2), Interactions.of(["a", "a", "b"], ["x", "y", "y"], range(3))
    )
    recommender.learn(shard, rejections("a", "x"))  # a came last now
    recommender.learn(shard, Interactions.of(["c"], ["y"], [9]))
    assert shard.users.row("b") == -1
    assert rejected(recommender, shard, "a") == ["x"]
    recommender.learn(shard, Interactions.of(["d", "e"], ["y", "y"], [10, 11]))
    assert (shard.profiles.rejected == -1).all()


@settings(max_examples=60)
@given(events=EVENTS, cut=st.integers(0, 80))
def test_whatever_comes_what_is_rejected_is_in_no_list(events: list[Event], cut: int) -> None:
    ring: dict[str, list[str]] = {user: [] for user in "abc"}
    had: dict[str, list[str]] = {user: [] for user in "abc"}
    for user, item, _, weight in events:
        if weight != 0:
            ring[user] = [each for each in ring[user] if each != item]
        if weight > 0:
            had[user] = [*had[user], item][-HISTORY_EVENTS:]
        if weight < 0:
            ring[user] = [item, *ring[user]][:REJECTED_ITEMS]
            had[user] = [each for each in had[user] if each != item]
    batch, recommender = batch_of(events), Recommender(ALLOW)
    shard = recommender.new_shard()
    recommender.learn(shard, batch.slice(0, cut))
    recommender, shard = restored(ALLOW, recommender, shard)
    recommender.learn(shard, batch.slice(cut, len(batch)))
    for user, items in items_of(recommender, shard, 20).items():
        assert not set(items) & set(ring[user])
        assert rejected(recommender, shard, user) == ring[user]
        assert [item for item in history_of(recommender, shard, user) if item] == had[user]


@settings(max_examples=30)
@given(events=EVENTS, cuts=st.lists(st.integers(0, 80), max_size=5))
def test_evaluation_learns_negative_events_alike_and_scores_none_of_them(events: list[Event], cuts: list[int]) -> None:
    batch = batch_of(events)
    evaluating, learning = Recommender(ALLOW), Recommender(ALLOW)
    evaluated, shard = evaluating.new_shard(), learning.new_shard()
    outcomes = prequential(evaluating, evaluated, batch)
    for edges in pairwise(sorted([0, *cuts, len(batch)])):
        learning.learn(shard, batch.slice(*edges))
    assert_same_state(state_of(evaluating, evaluated), state_of(learning, shard))
    assert not (scored_events(outcomes, seen_excluded=False) & (batch.weights <= 0)).any()


def test_a_new_item_that_was_rejected_is_not_explored() -> None:
    options = RecommenderOptions(repeats=Repeats.ALLOW, exploration_share=1.0, new_item_events=2)
    recommender, shard = learned(options, Interactions.of(["a", "a", "a", "b"], ["x", "x", "y", "x"], range(4)))
    users = np.array([shard.users.row("b")], np.int32)
    for weight, found in ((0.0, ["y"]), (-1.0, [])):
        recommender.learn(shard, rejections("b", "y", weight=weight))
        ranked = recommender.recommend(shard, users, 1)
        assert [each.item for each in recommender.explore(shard, users, ranked).values()] == found


@pytest.mark.parametrize("weight", [0.25, 4.0])
def test_weights_scale_what_mixture_vectors_and_ranker_learn(weight: float) -> None:
    """The first lesson of each, so that only the weight differs."""
    moved = []
    for each in (1.0, weight):
        recommender, shard = shop()
        before = recommender.dump()
        recommender.learn(shard, batch_of([("u1", items_of(recommender, shard)["u1"][1], 10**9, each)]))
        after = recommender.dump()
        names = ("mixture.weights", "vectors.outputs", "ranker.shared_squares")
        moved.append([np.abs(after[f"knowledge.{n}"] - before[f"knowledge.{n}"]).sum() for n in names])
    for usual, other in zip(*moved, strict=True):
        assert usual > 0
        assert (other > usual) == (weight > 1)
