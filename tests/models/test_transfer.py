"""A new domain begins with the old one's weights, vectors and tastes, and with nothing else of it."""

import numpy as np
import pytest

from models.batch import Interactions
from models.experts.vectors import Vectors, first_vectors
from models.ranker import Ranker
from models.recommender import Recommender, RecommenderOptions
from models.registry import ALL_EXPERTS
from models.shard import ProfileShard
from models.transfer import Likeness, begin_knowledge, begin_users
from tests.support.learning import assert_same_state, learned, random_batch, restored, state_of

OLD = RecommenderOptions()


@pytest.fixture(scope="module")
def old() -> tuple[Recommender, ProfileShard]:
    """Forty items and thirty users."""
    return learned(OLD, random_batch(1, 900, 30, 40))


def alike(old: Recommender, *items: dict[str, float]) -> Likeness:
    """For each new item how much it is like old ones, two at most."""
    rows, weights = np.zeros((len(items), 2), np.int32), np.zeros((len(items), 2), np.float32)
    for place, likenesses in enumerate(items):
        for column, (item, weight) in enumerate(likenesses.items()):
            rows[place, column], weights[place, column] = old.vocabulary.row(item), weight
    return Likeness(rows, weights)


def begun(old: Recommender, options: RecommenderOptions | None = None) -> tuple[Recommender, int]:
    """Three new items: like one old item, between two, and like none."""
    new = Recommender(options or RecommenderOptions())
    likeness = alike(old, {"i3": 1.0}, {"i3": 0.25, "i9": 0.75}, {})
    return new, begin_knowledge(old, new, ["one", "two", "three"], likeness)


def test_ranker_and_mixture_weigh_as_before_but_for_single_items(old: tuple[Recommender, ProfileShard]) -> None:
    new, _ = begun(old[0])
    before, now = old[0].knowledge.ranker, new.knowledge.ranker
    for name in set(Ranker._fields) - {"bias", "bias_squares"}:
        np.testing.assert_array_equal(getattr(now, name), getattr(before, name), err_msg=name)
    assert not now.bias.any()
    np.testing.assert_array_equal(new.mixture.weights, old[0].mixture.weights)
    np.testing.assert_array_equal(new.mixture.trained, old[0].mixture.trained)


def test_vectors_of_new_items_are_the_means_of_those_that_they_are_like(old: tuple[Recommender, ProfileShard]) -> None:
    new, count = begun(old[0])
    before, now = old[0].knowledge.vectors, new.knowledge.vectors
    i3, i9 = old[0].vocabulary.row("i3"), old[0].vocabulary.row("i9")
    one, two, three = map(new.vocabulary.row, ("one", "two", "three"))
    assert count == 2
    for table, old_table in ((now.inputs, before.inputs), (now.outputs, before.outputs), (now.bias, before.bias)):
        np.testing.assert_allclose(table[one], old_table[i3], rtol=1e-6)
        np.testing.assert_allclose(table[two], 0.25 * old_table[i3] + 0.75 * old_table[i9], rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(now.inputs[three], first_vectors(len(now.bias))[0][three])
    np.testing.assert_array_equal(now.positions, before.positions)


def test_nothing_else_is_known_and_the_old_items_are_not(old: tuple[Recommender, ProfileShard]) -> None:
    new, _ = begun(old[0])
    blank = Recommender(RecommenderOptions())
    assert new.events == 0
    assert not new.excludes_seen
    assert new.vocabulary.row("i3") == -1
    for name in ("events", "history", "popularity", "neighbours", "renewal"):
        ours, theirs = getattr(new.knowledge, name), getattr(blank.knowledge, name)
        for one, two in zip(_arrays(ours), _arrays(theirs), strict=True):
            np.testing.assert_array_equal(one, two, err_msg=name)


def test_tastes_go_with_their_users_who_have_no_history_yet(old: tuple[Recommender, ProfileShard]) -> None:
    new, shard = begun(old[0])[0].new_shard(), old[1]
    assert begin_users(shard, new, ["u3", "stranger", "u7"]) == 2
    assert new.users.row("stranger") == -1
    for user in ("u3", "u7"):
        row, before = new.users.row(user), shard.users.row(user)
        np.testing.assert_array_equal(new.profiles.taste[row], shard.profiles.taste[before])
        assert new.profiles.taste[row].any()
        assert new.profiles.taste_squares[row] == shard.profiles.taste_squares[before]
        assert new.profiles.events[row] == 0


def test_where_there_is_little_room_the_first_items_and_users_get_it(old: tuple[Recommender, ProfileShard]) -> None:
    new, count = begun(old[0], RecommenderOptions(max_items=1, max_users=2))
    assert (count, len(new.vocabulary), new.vocabulary.row("one")) == (1, 1, 0)
    shard = new.new_shard()
    assert begin_users(old[1], shard, ["u5", "u6", "u7"]) == 2
    assert (shard.users.row("u6") >= 0, shard.users.row("u7")) == (True, -1)


def test_what_begins_so_learns_and_is_saved_as_any(old: tuple[Recommender, ProfileShard]) -> None:
    new, _ = begun(old[0])
    shard = new.new_shard()
    begin_users(old[1], shard, [f"u{number}" for number in range(30)])
    other, other_shard = restored(RecommenderOptions(), new, shard)
    events = Interactions.of(
        [f"u{n % 30}" for n in range(300)], [("one", "two", "four")[n % 3] for n in range(300)], range(300)
    )
    new.learn(shard, events)
    other.learn(other_shard, events)
    assert_same_state(state_of(new, shard), state_of(other, other_shard))
    assert len(new.recommend(shard, shard.users.rows_in_use(), 3).items) == 30


def test_other_experts_are_refused(old: tuple[Recommender, ProfileShard]) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        begun(old[0], RecommenderOptions(experts=ALL_EXPERTS))


def _arrays(tree: object) -> list[object]:
    return list(tree) if isinstance(tree, tuple) else [tree]


def test_all_of_the_vectors_is_either_carried_or_begun_anew() -> None:
    """A new table of vectors needs a decision here."""
    carried = {"inputs", "outputs", "bias", "positions"}
    anew = {"input_squares", "output_squares", "bias_squares", "position_squares", "recent", "counters"}
    assert carried | anew == set(Vectors._fields)
