"""A user who is forgotten: nothing in the models tells of them any more."""

from typing import Any

import numpy as np

from models.batch import Bools, Interactions, UInt64s
from models.compiled import kernel
from models.forgetting import forget_user
from models.policies import Repeats
from models.recommender import Recommender, RecommenderOptions
from models.seen import SeenFilter, has_seen, pair_hash
from models.shard import ProfileShard
from models.vocabulary import stable_hash
from tests.support.learning import learned, random_batch, restored

USERS, ITEMS = 20, 80


@kernel
def find_all(seen: SeenFilter, users: UInt64s, items: UInt64s, found: Bools) -> None:
    for index in range(len(users)):
        found[index] = has_seen(seen, pair_hash(users[index], items[index]))


def had(recommender: Recommender, shard: ProfileShard, user: str) -> list[str]:
    """The items that the seen filter holds for the user."""
    hashes = recommender.vocabulary.hashes
    found = np.zeros(len(hashes), np.bool_)
    find_all(shard.seen, np.full(len(hashes), stable_hash(user), np.uint64), hashes, found)
    return recommender.vocabulary.ids_of(np.flatnonzero(found & (hashes != 0)).tolist())


def forgotten(recommender: Recommender, shard: ProfileShard, user: str) -> None:
    forget_user(recommender.knowledge, recommender.vocabulary.hashes, shard, user)


def shop(**options: Any) -> tuple[Recommender, ProfileShard]:
    return learned(RecommenderOptions(repeats=Repeats.EXCLUDE, **options), random_batch(1, 4000, USERS, ITEMS))


def test_a_forgotten_user_has_no_row_no_history_and_has_seen_nothing() -> None:
    recommender, shard = shop()
    row = shard.users.row("u7")
    assert had(recommender, shard, "u7")
    forgotten(recommender, shard, "u7")
    assert shard.users.row("u7") == -1
    assert shard.profiles.events[row] == 0
    assert (shard.profiles.items[row] == -1).all()
    assert not shard.profiles.taste[row].any()
    assert had(recommender, shard, "u7") == []


def test_others_keep_their_state_and_nearly_all_that_they_have_seen() -> None:
    recommender, shard = shop()
    others = [f"u{number}" for number in range(USERS) if number != 7]
    before = {user: set(had(recommender, shard, user)) for user in others}
    taken = len(had(recommender, shard, "u7"))
    profiles = {user: shard.profiles.items[shard.users.row(user)].copy() for user in others}
    forgotten(recommender, shard, "u7")
    for user in others:
        np.testing.assert_array_equal(shard.profiles.items[shard.users.row(user)], profiles[user])
    lost = sum(len(before[user] - set(had(recommender, shard, user))) for user in others)
    assert lost <= 3 * taken


def test_a_snapshot_after_it_holds_nothing_of_the_user() -> None:
    recommender, shard = shop()
    forgotten(recommender, shard, "u7")
    arrays = recommender.dump_shard(shard)
    assert b"u7" not in bytes(arrays["users.bytes"]).replace(b"u17", b"")
    other, taken_over = restored(recommender.options, recommender, shard)
    assert taken_over.users.row("u7") == -1
    assert had(other, taken_over, "u7") == []


def test_a_user_who_comes_back_begins_anew() -> None:
    recommender, shard = shop()
    forgotten(recommender, shard, "u7")
    recommender.learn(shard, Interactions.of(["u7"], ["i3"], [10**12]))
    assert shard.profiles.events[shard.users.row("u7")] == 1
    assert had(recommender, shard, "u7") == ["i3"]


def test_the_sequence_expert_keeps_no_example_of_the_user() -> None:
    options = RecommenderOptions(experts=("sequence", "popular_slow"), repeats=Repeats.ALLOW)
    recommender, shard = learned(options, random_batch(2, 600, USERS, ITEMS))
    lone = Interactions.of(["lone"] * 6, [f"x{number}" for number in range(6)], [10**12 + n for n in range(6)])
    recommender.learn(shard, lone)
    rows = [recommender.vocabulary.row(f"x{number}") for number in range(6)]
    examples = recommender.knowledge.sequence
    others = int((examples.targets >= 0).sum()) - 5
    assert np.isin(examples.targets, rows).sum() == 5
    forgotten(recommender, shard, "lone")
    assert not np.isin(examples.targets, rows).any()
    assert not np.isin(examples.histories, rows).any()
    assert (examples.targets >= 0).sum() == others


def test_who_lost_the_row_before_has_seen_nothing_either() -> None:
    recommender, shard = shop()
    shard.forget(np.array([shard.users.row("u7")], np.int32))
    assert had(recommender, shard, "u7")
    forgotten(recommender, shard, "u7")
    assert had(recommender, shard, "u7") == []
