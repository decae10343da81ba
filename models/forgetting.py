"""Forgetting a user: all that tells of one person leaves a shard, and what was learned of items."""

import numpy as np

from models.batch import UInt64s
from models.experts.sequence import forget_examples
from models.knowledge import Knowledge
from models.seen import forget_seen
from models.shard import ProfileShard


def forget_user(knowledge: Knowledge, item_hashes: UInt64s, shard: ProfileShard, user: str) -> bool:
    """Forgets the user; False = nobody of that id is in the shard.

    State, history and the pairs in the seen filter go, and the examples of the sequence expert that the history leads
    to. What was added up over all users, counts and vectors of items, stays: it tells of nobody.
    """
    row = shard.users.row(user)
    if row < 0:
        return False
    forget_examples(knowledge.sequence, shard.last_items(row))
    forget_seen(shard.seen, shard.users.hashes[row], item_hashes)
    shard.forget(np.array([row], np.int32))
    return True
