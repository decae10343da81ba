"""Forgetting a user: all that tells of one person leaves a shard, and what was learned of items."""

import numpy as np

from models.batch import UInt64s
from models.experts.sequence import forget_examples
from models.knowledge import Knowledge
from models.seen import forget_seen
from models.shard import ProfileShard
from models.vocabulary import stable_hash


def forget_user(knowledge: Knowledge, item_hashes: UInt64s, shard: ProfileShard, user: str) -> None:
    """Forgets the user, who may have lost the row before.

    State, history and the pairs in the seen filter go, and the examples of the sequence expert that the history leads
    to. What was added up over all users, counts and vectors of items, stays: it tells of nobody.
    """
    if shard.seen.pairs.any():
        forget_seen(shard.seen, np.uint64(stable_hash(user)), item_hashes)
    row = shard.users.row(user)
    if row >= 0:
        forget_examples(knowledge.sequence, shard.last_items(row))
        shard.forget(np.array([row], np.int32))
