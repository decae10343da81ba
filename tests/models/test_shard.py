from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from models.batch import Interactions
from models.profiles import PUBLISHED_ITEMS
from models.recommender import Recommender, RecommenderOptions
from models.shard import GONE, ProfileShard
from tests.support.learning import (
    assert_same_state,
    history_of,
    items_of,
    learned,
    lists_of,
    random_batch,
    state_of,
    stored,
)

Change = Callable[[dict[str, npt.NDArray[Any]]], dict[str, npt.NDArray[Any]]]


def taken_over(recommender: Recommender, shard: ProfileShard, other: Recommender) -> ProfileShard:
    """The shard as another worker loads it."""
    return other.load_shard(stored(recommender.dump_shard(shard)))


def test_a_shard_means_the_same_on_a_worker_with_other_rows() -> None:
    options, moving = RecommenderOptions(), random_batch(1, 300, 10, 40)
    owner, shard = learned(options, moving)
    other = Recommender(options)
    other.learn(other.new_shard(), random_batch(2, 300, 10, 80, least_user=50))  # the same items in another order
    assert other.vocabulary.row("i1") != owner.vocabulary.row("i1")
    moved = taken_over(owner, shard, other)
    for user in set(moving.users):
        assert history_of(other, moved, user) == history_of(owner, shard, user)
    back = taken_over(other, moved, owner)
    assert lists_of(owner, back) == lists_of(owner, shard)


def test_a_moved_users_list_is_what_the_new_worker_knows_of_the_same_history() -> None:
    knowing, moving = random_batch(3, 400, 20, 40, least_user=50), random_batch(4, 200, 10, 40)
    owner, shard = learned(RecommenderOptions(), moving)
    other = Recommender(RecommenderOptions(experts=("next", "forward", "similar")))
    other_shard = other.new_shard()
    other.learn(other_shard, knowing)
    moved = taken_over(owner, shard, other)
    lists = items_of(other, moved)
    assert lists.keys() == set(moving.users)
    assert all(set(items) <= set(knowing.items) for items in lists.values())
    assert any(items for items in lists.values())


def test_items_that_are_unknown_and_do_not_fit_are_forgotten_and_no_others() -> None:
    owner, shard = learned(RecommenderOptions(), Interactions.of(["a"] * 6, list("wxyzwx"), range(6)))
    shard.set_published(shard.users.rows_in_use(), owner.vocabulary.admit(list("wzyx"))[None])
    other = Recommender(RecommenderOptions(max_items=3))
    other_shard = other.new_shard()
    other.learn(other_shard, Interactions.of(["b"] * 5, ["y", "x", "v", "w", "y"], range(5)))  # w knocked once
    before = other.vocabulary.dump()
    moved = taken_over(owner, shard, other)
    assert other.vocabulary.dump() == before
    assert sorted(history_of(other, moved, "a")) == ["x", "x", "y"]
    published = moved.profiles.published[0].tolist()
    assert published == [GONE, GONE, other.vocabulary.row("y"), other.vocabulary.row("x")] + [-1] * 16
    served = other.learn(moved, Interactions.of(["a"], ["x"], [9])).served
    assert served.places.tolist() == [4]


def test_a_dump_does_not_change_with_what_is_learned_after_it() -> None:
    batch = random_batch(5, 200, 10, 30)
    recommender, shard = learned(RecommenderOptions(), batch.slice(0, 100))
    dumped = state_of(recommender, shard)
    kept = {name: array.copy() for name, array in dumped.items()}
    recommender.learn(shard, batch.slice(100, 200))
    assert_same_state(dumped, kept)


def test_users_who_were_away_longest_make_room() -> None:
    recommender = Recommender(RecommenderOptions(max_users=3))
    shard = recommender.new_shard()
    done = recommender.learn(shard, Interactions.of(list("abcabdea"), list("xxxxxxxx"), range(8)))
    assert done.forgotten_users == ["c", "a", "b"]
    assert sorted(shard.users.ids_of(shard.users.rows_in_use().tolist())) == ["a", "d", "e"]
    assert done.users.tolist() == [shard.users.row(user) for user in "abcabdea"]
    assert done.users[2] == -1


def test_an_item_that_is_forgotten_leaves_the_histories_and_lists_of_all_shards() -> None:
    recommender = Recommender(RecommenderOptions(max_items=4))
    shards = [recommender.new_shard() for _ in range(2)]
    for shard in shards:
        recommender.learn(shard, Interactions.of(["a"] * 6, ["w", "x", "x", "y", "y", "y"], range(6)))
        shard.set_published(shard.users.rows_in_use(), recommender.vocabulary.admit(["w", "x"])[None])
    row = recommender.vocabulary.row("w")
    recommender.learn(shards[0], Interactions.of(["b"] * 6, ["z", "z", "v", "v", "v", "v"], range(6)))
    assert recommender.vocabulary.row("w") == -1
    for shard in shards:
        assert sorted(history_of(recommender, shard, "a")) == ["x", "x", "y", "y", "y"]
        assert shard.profiles.published[0, :3].tolist() == [GONE, recommender.vocabulary.row("x"), -1]
    table = recommender.knowledge.neighbours
    assert recommender.vocabulary.row("v") == row
    assert row not in table.items[recommender.vocabulary.row("x")]


def test_a_shard_that_was_dropped_is_left_alone() -> None:
    recommender, shard = learned(RecommenderOptions(max_items=1), Interactions.of(["a"], ["x"], [0]))
    recommender.drop_shard(shard)
    recommender.learn(recommender.new_shard(), Interactions.of(["b"] * 3, ["y"] * 3, [0, 1, 2]))
    assert shard.profiles.items[0, 0] == 0


def test_longer_lists_are_noted_as_far_as_they_count() -> None:
    shard = ProfileShard(5)
    shard.set_published(np.array([1, 3], np.int32), np.arange(60, dtype=np.int32).reshape(2, 30))
    shard.set_published(np.array([1], np.int32), np.array([[7]], np.int32))
    assert shard.profiles.published[3].tolist() == list(range(30, 30 + PUBLISHED_ITEMS))
    assert shard.profiles.published[1].tolist() == [7] + [-1] * (PUBLISHED_ITEMS - 1)


def changed(name: str, value: Any) -> Change:
    return lambda arrays: {**arrays, name: np.asarray(value, arrays[name].dtype)}


@pytest.mark.parametrize(
    "change",
    [
        changed("profiles.items", np.full((1, 32), 99)),
        changed("profiles.published", np.full((1, 20), 99)),
        changed("profiles.events", np.zeros(9)),
        changed("profiles.items", np.full((1, 96), -(1 << 31))),
        changed("profiles.rejected", np.full((1, 16), -1000)),
        changed("profiles.published", np.full((1, 20), -3)),
        changed("profiles.events", [-1]),
        changed("profiles.clock", [-(1 << 63)]),
        changed("seen.words", []),
        changed("seen.current", [9]),
        changed("named.offsets", [0, 99]),
        changed("users.free", [5]),
    ],
    ids=[
        "items",
        "published",
        "too many users",
        "below",
        "rejected below",
        "published below",
        "count",
        "clock",
        "no words",
        "segment",
        "names",
        "free rows",
    ],
)
def test_a_shard_that_contradicts_itself_is_refused_and_nothing_is_left_of_it(change: Change) -> None:
    owner, shard = learned(RecommenderOptions(max_users=5), random_batch(6, 30, 1, 9))
    arrays = change(stored(owner.dump_shard(shard)))
    other = Recommender(RecommenderOptions(max_users=5))
    with pytest.raises(ValueError, match=r".+"):
        other.load_shard(arrays)
    learned_after = other.learn(other.new_shard(), random_batch(7, 30, 5, 9))
    assert len(learned_after.users) == 30


@pytest.mark.parametrize(
    "change",
    [
        changed("knowledge.neighbours.items", np.full((9, 128), 1 << 20)),
        changed("knowledge.popularity.top", np.full((3, 100), 5000)),
        changed("knowledge.vectors.recent", np.full(20_000, 5000)),
        changed("knowledge.popular", np.full(20, 5000)),
        changed("items.free", [1, 1]),
        changed("knowledge.neighbours.items", np.full((9, 96), -(1 << 31))),
        changed("knowledge.popularity.top", np.full((3, 100), -1000)),
        changed("knowledge.popularity.place", np.full((3, 9), -1000)),
        changed("knowledge.vectors.recent", np.full(20_000, -1000)),
        changed("knowledge.vectors.counters", [0, 1 << 40]),
        changed("knowledge.counters", [-1, 0, 0]),
    ],
    ids=[
        *("neighbours", "top", "recent", "popular", "free rows", "neighbours below", "top below", "place below"),
        *("recent below", "rows of vectors", "counters"),
    ],
)
def test_knowledge_that_names_rows_that_are_not_there_is_refused(change: Change) -> None:
    recommender, _ = learned(RecommenderOptions(), random_batch(8, 100, 3, 9))
    with pytest.raises(ValueError, match=r".+"):
        Recommender(RecommenderOptions()).load(change(stored(recommender.dump())))


def test_other_experts_may_take_part_after_a_restart() -> None:
    recommender, _ = learned(RecommenderOptions(experts=("next", "popular_slow")), random_batch(9, 200, 10, 20))
    other = Recommender(RecommenderOptions(experts=("popular_slow", "similar")))
    other.load(stored(recommender.dump()))
    shard = other.new_shard()
    other.learn(shard, random_batch(10, 50, 5, 20))
    experts = {expert for places in lists_of(other, shard).values() for _, _, expert, _ in places}
    assert experts
    assert experts <= {"popular_slow", "similar"}
