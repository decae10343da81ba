"""Lists as they are published: ids, scores, reasons, position."""

import msgspec
import numpy as np
import pytest

from models.batch import Interactions
from models.explaining import PARTS
from models.policies import Repeats
from models.recommender import Recommender, RecommenderOptions
from models.registry import EXPERTS
from models.shard import ProfileShard
from models.vocabulary import stable_hash
from tests.support.records import NOW_MS
from worker.events import EXPLORATION, Reason, position_text
from worker.steps.rank import SCORE_DIGITS, Ranker

POSITION = position_text(1, 10)


@pytest.fixture
def recommender() -> Recommender:
    return Recommender(RecommenderOptions(max_items=50, max_users=40, repeats=Repeats.EXCLUDE))


@pytest.fixture
def shard(recommender: Recommender) -> ProfileShard:
    """Ann went from tea to milk, as others did before; ben has seen tea."""
    shard = recommender.new_shard()
    users = [f"u{number}" for number in range(6) for _ in range(2)] + ["ben"]
    batch = Interactions.of(users, ["tea", "milk"] * 6 + ["tea"], list(range(1000, 14000, 1000)))
    recommender.learn(shard, batch)
    return shard


def rows(shard: ProfileShard, *users: str) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    return np.array([shard.users.row(user) for user in users], np.int32)


def test_a_list_says_what_why_and_as_of_when(recommender: Recommender, shard: ProfileShard) -> None:
    ranked = Ranker(recommender, 5, "m-1").rank(shard, rows(shard, "ben"), POSITION, NOW_MS)
    found = ranked.lists["ben"]
    assert (found.position, found.model, found.generated_at) == (POSITION, "m-1", NOW_MS)
    assert found.items == ["milk"]
    assert len(found.items) == len(found.scores) == len(found.reasons)
    assert found.reasons[0].expert in EXPERTS
    assert found.reasons[0].because in ("", "tea")


def test_lists_come_in_the_order_of_the_users_with_the_rows_of_their_items(
    recommender: Recommender, shard: ProfileShard
) -> None:
    users = rows(shard, "ben", "u0")
    ranked = Ranker(recommender, 5, "m-1").rank(shard, users, POSITION, NOW_MS)
    assert list(ranked.lists) == ["ben", "u0"]
    assert ranked.users.tolist() == users.tolist()
    assert ranked.item_rows[0].tolist() == [recommender.vocabulary.row("milk"), -1, -1, -1, -1]
    assert ranked.item_rows[1].tolist() == [-1] * 5


def test_a_user_who_had_everything_gets_an_empty_list(recommender: Recommender, shard: ProfileShard) -> None:
    found = Ranker(recommender, 5, "m-1").rank(shard, rows(shard, "u0"), POSITION, NOW_MS).lists["u0"]
    assert (found.items, found.scores, found.reasons) == ([], [], [])


def test_scores_descend_and_are_rounded() -> None:
    recommender = Recommender(RecommenderOptions(max_items=50, max_users=40))
    shard = recommender.new_shard()
    items = [f"i{number % 7}" for number in range(60)]
    recommender.learn(shard, Interactions.of([f"u{number % 5}" for number in range(60)], items, range(60)))
    for found in Ranker(recommender, 5, "m").rank(shard, rows(shard, "u0", "u1"), POSITION, NOW_MS).lists.values():
        assert len(found.items) == 5
        assert found.scores == sorted(found.scores, reverse=True)
        assert found.scores == [round(score, SCORE_DIGITS) for score in found.scores]


def test_explained_reasons_have_shares_and_parts_by_name(recommender: Recommender, shard: ProfileShard) -> None:
    users = rows(shard, "ben")
    plain = Ranker(recommender, 5, "m").rank(shard, users, POSITION, NOW_MS).lists["ben"]
    found = Ranker(recommender, 5, "m", explain=True).rank(shard, users, POSITION, NOW_MS).lists["ben"]
    assert (found.items, found.scores) == (plain.items, plain.scores)
    for reason, bare in zip(found.reasons, plain.reasons, strict=True):
        assert reason.shares is not None
        assert reason.parts is not None
        assert reason.parts.keys() == {*PARTS} - {"rule"}, "no rule holds"
        assert sum(reason.shares.values()) == pytest.approx(1, abs=1e-3)
        assert reason.shares[reason.expert] == max(reason.shares.values())
        assert (reason.expert, reason.because) == (bare.expert, bare.because)
        assert (bare.shares, bare.parts) == (None, None)


def test_before_any_event_the_popular_list_is_empty() -> None:
    popular_rows, popular = Ranker(Recommender(RecommenderOptions(max_items=9)), 5, "m").popular(NOW_MS)
    assert (popular_rows.tolist(), popular.items, popular.position) == ([], [], "")


def test_the_popular_list_names_its_expert_for_each_item(recommender: Recommender, shard: ProfileShard) -> None:
    popular_rows, popular = Ranker(recommender, 5, "m").popular(NOW_MS)
    assert popular.items == ["tea", "milk"]
    assert recommender.vocabulary.ids_of(popular_rows.tolist()) == popular.items
    assert [reason.expert for reason in popular.reasons] == ["popular_slow"] * 2
    assert 0 < popular.scores[1] <= popular.scores[0] <= 1


def test_an_explored_item_comes_last_with_its_propensity_and_its_hash() -> None:
    recommender = Recommender(RecommenderOptions(max_items=50, max_users=40, exploration_share=1.0))
    shard = recommender.new_shard()
    items = [f"i{number % 7}" for number in range(60)]
    recommender.learn(shard, Interactions.of([f"u{number % 5}" for number in range(60)], items, range(60)))
    plain = recommender.recommend(shard, rows(shard, "u0"), 5)
    recommender.set_shown("new", shown=True)
    ranked = Ranker(recommender, 5, "m").rank(shard, rows(shard, "u0"), POSITION, NOW_MS)
    found = ranked.lists["u0"]
    assert found.items == [*recommender.vocabulary.ids_of(plain.items[0, :4].tolist()), "new"]
    assert (found.scores[4], found.reasons[4]) == (0.0, Reason(EXPLORATION, propensity=1.0))
    assert ranked.item_rows[0, 4] == -1
    assert ranked.explored.tolist() == [stable_hash("new")]
    assert all(reason.propensity is None for reason in found.reasons[:4])


def test_where_nothing_is_explored_the_published_text_says_nothing_of_it() -> None:
    assert msgspec.json.encode(Reason("next", "tea")) == b'{"expert":"next","because":"tea"}'
    assert msgspec.json.encode(Reason(EXPLORATION, propensity=0.25)) == b'{"expert":"exploration","propensity":0.25}'


@pytest.mark.parametrize("size", [5, 20])
def test_margins_lie_between_the_first_score_and_the_tenth_or_nothing(size: int) -> None:
    recommender = Recommender(RecommenderOptions(repeats=Repeats.ALLOW))
    shard = recommender.new_shard()
    items = [f"i{number}" for number in range(15)]
    recommender.learn(shard, Interactions.of(["ann"] * 15 + ["ben"], [*items, "i0"], range(16)))
    ranked = Ranker(recommender, size, "m-1").rank(shard, rows(shard, "ann", "ben"), POSITION, NOW_MS)
    scores = [ranked.lists[user].scores for user in ("ann", "ben")]
    margins = [found[0] - (found[9] if len(found) > 9 else 0.0) for found in scores]
    assert ranked.margins.tolist() == pytest.approx(margins, abs=10**-SCORE_DIGITS)
