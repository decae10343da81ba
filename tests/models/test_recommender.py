from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from models.batch import Interactions
from models.candidates import MAX_CANDIDATES, Candidates, begin_round, position_of, propose
from models.compiled import kernel
from models.learning import learn_events
from models.neighbours import NEIGHBOURS
from models.profiles import HISTORY_EVENTS
from models.ranking import rank_users
from models.recommender import Recommender, RecommenderOptions
from tests.support.learning import items_of, learned, random_batch


def stream(users: Sequence[str], items: Sequence[str]) -> Interactions:
    return Interactions.of(users, items, 1000 * np.arange(len(users)))


def versions() -> list[int]:
    """For how many kinds of arguments each pass was compiled."""
    passes: list[Any] = [learn_events, rank_users]
    return [len(each.signatures) for each in passes]


def test_columns_of_a_batch_have_one_length() -> None:
    with pytest.raises(ValueError, match="different lengths"):
        Interactions.of(["a"], ["x", "y"], [1])


def test_arrays_of_any_layout_do_not_compile_the_kernels_again() -> None:
    recommender, shard = learned(RecommenderOptions(), random_batch(1, 50, 5, 9))
    recommender.recommend(shard, shard.users.rows_in_use(), 5)
    compiled = versions()
    times_ms, weights = np.arange(100, dtype=np.int64)[::2], np.broadcast_to(np.float32(1), 50)
    times_ms.flags.writeable = False
    batch = random_batch(2, 50, 5, 9)
    recommender.learn(shard, Interactions(batch.users, batch.items, times_ms, weights))
    recommender.recommend(shard, np.flatnonzero(np.ones(5)).astype(np.int32)[::2], 5)
    assert versions() == compiled


def test_a_list_needs_a_place_and_a_user_that_is_there() -> None:
    recommender, shard = learned(RecommenderOptions(), stream("ab", "xy"))
    with pytest.raises(ValueError, match="one place"):
        recommender.recommend(shard, np.zeros(1, np.int32), 0)
    for row in (-1, 2):
        with pytest.raises(IndexError):
            recommender.recommend(shard, np.array([row], np.int32), 5)


def test_lists_are_no_longer_than_what_is_known() -> None:
    recommender, shard = learned(RecommenderOptions(), stream("aab", "xyz"))
    ranked = recommender.recommend(shard, np.array([0], np.int32), 100)
    assert np.count_nonzero(ranked.items >= 0) == 3
    assert not ranked.scores[0, 3:].any()


def test_the_popular_list_falls_and_leaves_out_what_cannot_be_had() -> None:
    recommender, _ = learned(RecommenderOptions(), stream("a" * 6, "xxxyyz"))
    recommender.set_shown("y", shown=False)
    rows, shares = recommender.popular(5)
    assert recommender.vocabulary.ids_of(rows.tolist()) == ["x", "z"]
    assert shares.tolist() == pytest.approx([1 / 2, 1 / 6], rel=1e-3)


def test_an_item_stays_unavailable_when_its_row_went_to_another_in_between() -> None:
    recommender = Recommender(RecommenderOptions(max_items=2))
    shard = recommender.new_shard()
    recommender.set_shown("x", shown=False)
    recommender.learn(shard, stream("aaa", "xyy"))
    assert items_of(recommender, shard) == {"a": ["y"]}
    recommender.learn(shard, stream("aaa", "zzz"))  # z takes the row of x
    assert recommender.vocabulary.row("x") == -1
    assert "z" in items_of(recommender, shard)["a"]
    recommender.learn(shard, stream("aaaaa", "xxxxx"))
    assert recommender.vocabulary.row("x") >= 0
    assert "x" not in items_of(recommender, shard)["a"]


def test_served_places_are_those_in_the_lists_that_stand_published() -> None:
    recommender, shard = learned(RecommenderOptions(), stream("aab", "xyz"))
    row = recommender.vocabulary.row
    shard.set_published(np.array([0], np.int32), np.array([[row("z"), row("x")]], np.int32))
    recommender.set_published_popular(np.array([row("y")], np.int32))
    batch = stream("aaaab", "xzyqx")
    batch.weights[1] = 0
    served = recommender.learn(shard, batch).served
    assert served.places.tolist() == [2, -1, 0, 0, -1]
    assert served.popular_places.tolist() == [0, -1, 1, 0, -1]


def test_only_events_with_weight_teach() -> None:
    recommender, shard = learned(RecommenderOptions(), stream("aab", "xyz"))
    batch = stream("ab", "qz")
    batch.weights[0] = 0
    recommender.learn(shard, batch)
    assert (recommender.events, shard.profiles.events[:2].tolist()) == (4, [2, 2])
    assert recommender.knowledge.events[recommender.vocabulary.row("q")] == 0


@kernel
def propose_all(candidates: Candidates, items: int) -> int:
    begin_round(candidates)
    refused = 0
    for item in range(items):
        refused += propose(candidates, item) < 0
        propose(candidates, item // 2)
    return refused


@kernel
def where(candidates: Candidates, item: int) -> int:
    return position_of(candidates, item)


def test_candidates_are_capped_and_held_once() -> None:
    candidates = Candidates.empty(MAX_CANDIDATES + 10, 2)
    for _ in range(2):
        assert propose_all(candidates, MAX_CANDIDATES + 10) == 10
        assert candidates.found[0] == MAX_CANDIDATES
        assert candidates.items.tolist() == list(range(MAX_CANDIDATES))
    assert [where(candidates, item) for item in (0, 7, MAX_CANDIDATES)] == [0, 7, -1]
    assert propose_all(candidates, 1) == 0
    assert where(candidates, 7) == -1


def test_more_neighbours_than_there_is_room_for_still_make_a_right_list() -> None:
    hubs = [f"hub{number}" for number in range(HISTORY_EVENTS)]
    others = [f"i{number}" for number in range(HISTORY_EVENTS * NEIGHBOURS)]
    recommender, shard = learned(RecommenderOptions(), stream([f"u{item}" for item in others], others))
    user = recommender.learn(shard, stream(["v"] * HISTORY_EVENTS, hubs)).users[:1]
    table, rows = recommender.knowledge.neighbours, recommender.vocabulary.admit(hubs)
    table.items[rows] = recommender.vocabulary.admit(others).reshape(HISTORY_EVENTS, NEIGHBOURS)
    table.counts[rows] = 1
    ranked = recommender.recommend(shard, user, 20)
    assert recommender.scratch.candidates.found[0] == MAX_CANDIDATES
    assert len(set(ranked.items[0].tolist()) - {-1}) == 20
    assert np.isfinite(ranked.scores).all()
