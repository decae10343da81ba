"""Recommending: lists for the users of a shard, as experts, ranker and people's decisions have them."""

from typing import NamedTuple

import numpy as np

from models.assortment import Shelf
from models.batch import Bools, Int32s, UInt64s
from models.diversity import Diversity
from models.foresight import Foresight
from models.knowledge import Knowledge
from models.moving import find_movers
from models.pinning import may_pin, pin_items
from models.policies import excludes_seen
from models.popular_list import fillers
from models.ranking import Ranked, rank_users
from models.scratch import Scratch
from models.shard import ProfileShard


class Means(NamedTuple):
    """What lists are made with.

    Attributes:
        item_hashes: (n,) uint64, by item row.
        rule: of diversity.
        repeats: see `policies.Repeats`.
    """

    knowledge: Knowledge
    foresight: Foresight
    scratch: Scratch
    item_hashes: UInt64s
    rule: Diversity
    repeats: int


def rank_lists(means: Means, shelf: Shelf, shard: ProfileShard, users: Int32s, ranked: Ranked) -> None:
    """Fills `ranked`, empty lists of the users in these rows of the shard."""
    state = means.knowledge, shard.profiles, shard.seen, shard.users.hashes, means.item_hashes
    filling, scratch = fillers(means.knowledge.popularity, shelf), means.scratch
    for part in means.foresight.parts_of_users(means.knowledge, shard.profiles, users, scratch.foreseen):
        lists = ranked.part(part)
        rank_users(*state, shelf, filling, means.rule, means.repeats, users[part], scratch, lists)
        if ranked.is_explained:
            listed = lists.items, lists.shares, lists.moved
            find_movers(*state, shelf, filling, means.repeats, users[part], scratch, *listed)
    if len(shelf.pinned):
        pin_items(ranked, shelf, _allowed(means, shelf, shard, users))


def _allowed(means: Means, shelf: Shelf, shard: ProfileShard, users: Int32s) -> Bools:
    """(m, p): which of the pinned items may stand in whose list."""
    allowed = np.zeros((len(users), len(shelf.pinned)), np.bool_)
    excluding = bool(excludes_seen(means.repeats, means.knowledge.counters))
    may_pin(shard.profiles, shard.seen, shard.users.hashes, means.item_hashes, shelf, excluding, users, allowed)
    return allowed
