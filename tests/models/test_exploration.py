"""New items at the ends of some lists: which, how often, and with what chance beside them."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from models.batch import Interactions
from models.exploration import Explored
from models.policies import Repeats
from models.ranking import Ranked
from models.recommender import Recommender, RecommenderOptions
from models.shard import ProfileShard
from models.vocabulary import stable_hash
from tests.support.learning import learned, random_batch, restored

USERS, SIZE = 400, 5
NEW = [f"new{number}" for number in range(8)]


def options(share: float = 1.0, **others: Any) -> RecommenderOptions:
    return RecommenderOptions(exploration_share=share, **others)


def listed(recommender: Recommender, *items: str, shown: bool = True, category: str = "") -> None:
    for item in items:
        recommender.set_shown(item, shown=shown, category=category)


def shop(share: float = 1.0, **others: Any) -> tuple[Recommender, ProfileShard]:
    """Twenty well-known items, and eight of the catalogue that nobody had."""
    recommender, shard = learned(options(share, **others), random_batch(1, 6000, USERS, 20))
    listed(recommender, *NEW)
    return recommender, shard


def explored(recommender: Recommender, shard: ProfileShard, size: int = SIZE) -> tuple[Ranked, dict[int, Explored]]:
    users = shard.users.rows_in_use()
    ranked = recommender.recommend(shard, users, size)
    return ranked, recommender.explore(shard, users, ranked)


def drawn(recommender: Recommender, shard: ProfileShard) -> dict[str, Explored]:
    """By user."""
    _, found = explored(recommender, shard)
    rows = shard.users.rows_in_use().tolist()
    return {shard.users.id_of(rows[index]): each for index, each in found.items()}


def test_off_nothing_is_drawn_and_lists_stay_as_they_are() -> None:
    recommender, shard = shop(share=0.0)
    ranked, found = explored(recommender, shard)
    assert found == {}
    assert (ranked.items >= 0).all()


def test_a_new_item_takes_the_last_place_with_the_chance_of_its_draw() -> None:
    recommender, shard = shop()
    before = recommender.recommend(shard, shard.users.rows_in_use(), SIZE)
    ranked, found = explored(recommender, shard)
    assert len(found) == len(shard.users)
    assert {each.propensity for each in found.values()} == {1 / len(NEW)}
    assert (ranked.items[:, -1] == -1).all()
    np.testing.assert_array_equal(ranked.items[:, :-1], before.items[:, :-1])


def test_the_draws_are_even_and_as_frequent_as_set() -> None:
    recommender, shard = shop(share=0.5)
    found = drawn(recommender, shard)
    assert 150 < len(found) < 250
    assert {each.propensity for each in found.values()} == {0.5 / len(NEW)}
    times = Counter(each.item for each in drawn(*shop()).values())
    assert times.keys() == set(NEW)
    assert max(times.values()) < 2 * min(times.values())


def test_the_new_item_follows_a_list_that_is_short() -> None:
    recommender, shard = learned(options(new_item_events=1), Interactions.of(["a", "b"], ["x", "y"], [1, 2]))
    listed(recommender, "z")
    ranked, found = explored(recommender, shard)
    assert np.count_nonzero(ranked.items >= 0, axis=1).tolist() == [2, 2]
    assert {each.item for each in found.values()} == {"z"}


def test_the_same_state_draws_the_same_whatever_the_catalogues_order() -> None:
    recommender, shard = shop(share=0.6)
    first = drawn(recommender, shard)
    assert drawn(recommender, shard) == first
    other, other_shard = restored(options(0.6), recommender, shard)
    listed(other, *reversed(NEW), "gone")
    listed(other, "gone", shown=False)
    assert drawn(other, other_shard) == first


def test_another_event_of_the_user_draws_again() -> None:
    recommender, shard = shop(share=0.5)
    before = drawn(recommender, shard)
    users = [f"u{number}" for number in range(USERS)]
    recommender.learn(shard, Interactions.of(users, ["i1"] * USERS, [10**9] * USERS))
    after = drawn(recommender, shard)
    assert 100 < len(before.keys() ^ after.keys()) < 300


def test_an_item_is_new_until_it_had_its_events() -> None:
    recommender, shard = shop(new_item_events=3)
    had = ["v1", "v2", "v3"]
    recommender.learn(shard, Interactions.of(had[:2], ["new0"] * 2, [10**9] * 2))
    found = drawn(recommender, shard)
    assert {each.propensity for each in found.values()} == {1 / 8}
    recommender.learn(shard, Interactions.of(had[2:], ["new0"], [10**9]))
    found = drawn(recommender, shard)
    assert {each.propensity for each in found.values()} == {1 / 7}
    assert "new0" not in {each.item for each in found.values()}


def test_what_may_not_be_shown_is_not_explored() -> None:
    recommender, shard = shop()
    listed(recommender, *NEW[2:], shown=False)
    recommender.learn(shard, Interactions.of(["v"] * 2, NEW[1:3], [10**9] * 2))
    assert {each.item for each in drawn(recommender, shard).values()} <= set(NEW[:2])


def test_nobody_is_shown_as_new_what_they_had_or_what_their_list_holds() -> None:
    batch = Interactions.of(["a", "b", "b"], ["x", "x", "y"], [1, 2, 3])
    recommender, shard = learned(options(new_item_events=9, repeats=Repeats.EXCLUDE), batch)
    assert drawn(recommender, shard) == {}, "a had x and is shown y, b had both"


def test_the_new_item_does_not_break_the_limit_of_its_category() -> None:
    recommender, shard = shop(most_per_category=2)
    listed(recommender, *(f"i{number}" for number in range(20)), category="tools")
    listed(recommender, *NEW[:4], category="tools")
    ranked, found = explored(recommender, shard)
    assert (np.count_nonzero(ranked.items >= 0, axis=1) == 2).all()
    assert {each.item for each in found.values()} == set(NEW[4:])


@pytest.mark.parametrize("size", [3, 20, 30])
def test_an_event_with_the_explored_item_is_a_hit_at_the_end_of_the_list(size: int) -> None:
    recommender, shard = learned(options(), random_batch(1, 500, 5, 40))
    user = np.array([shard.users.row("u1")], np.int32)
    items = recommender.recommend(shard, user, size).items
    items[:, -1] = -1
    shard.set_published(user, items, np.array([stable_hash("fresh")], np.uint64))
    shown = recommender.vocabulary.id_of(int(items[0, 0]))
    batch = Interactions.of(["u1"] * 3, ["fresh", shown, "other"], [10**9] * 3)
    served = recommender.learn(shard, batch).served
    assert served.explored.tolist() == [True, False, False]
    assert served.places.tolist() == [size if size <= 20 else 0, 1, 0]


def test_what_stands_explored_survives_a_snapshot_and_goes_with_its_user() -> None:
    recommender, shard = shop()
    rows = shard.users.rows_in_use()
    shard.set_published(rows, np.full((len(rows), 3), -1, np.int32), np.arange(1, len(rows) + 1).astype(np.uint64))
    _, other = restored(options(), recommender, shard)
    np.testing.assert_array_equal(other.profiles.explored[: len(rows)], shard.profiles.explored[: len(rows)])
    other.forget(rows[:1])
    assert other.profiles.explored[:2].tolist() == [0, 2]
    shard.set_published(rows, np.full((len(rows), 3), -1, np.int32))
    assert not shard.explored().size
