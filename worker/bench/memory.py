"""Memory a user and an item: all tables and ids, divided by those who are known."""

import sys
from typing import Any

from models.recommender import Recommender
from models.shard import ProfileShard
from models.tables import size_bytes
from models.vocabulary import Vocabulary

INT_BYTES = sys.getsizeof(1 << 20)
POINTER_BYTES = 8
DIRTY_BYTES = 16  # since when, and when refreshed: two columns of worker/refresh.py
COUNTED = (
    "users: history, seen filter, published list and refresh times of one shard; items: all experts' tables and the "
    "scratch memory; both: ids, their rows and hashes. Tables grow by doubling, so `fill` is the share of their rows "
    "in use. What cleaning remembers and the libraries are not counted: they do not grow with users or items"
)


def measure_memory(recommender: Recommender, shard: ProfileShard) -> dict[str, Any]:
    """At this fill; measured on the objects themselves."""
    users, items = shard.users, recommender.vocabulary
    of_users = size_bytes(shard.profiles) + size_bytes(shard.seen) + DIRTY_BYTES * users.capacity + _id_bytes(users)
    of_items = recommender.item_bytes() + _id_bytes(items)
    return {
        "bytes_per_user": round(of_users / len(users)),
        "bytes_per_item": round(of_items / len(items)),
        "memory": {
            "users": len(users),
            "items": len(items),
            "users_fill": round(len(users) / users.capacity, 3),
            "items_fill": round(len(items) / items.capacity, 3),
            "users_bytes": of_users,
            "items_bytes": of_items,
            "counted": COUNTED,
        },
    }


def _id_bytes(vocabulary: Vocabulary) -> int:
    """Texts, the dictionary from them to their rows, the list back, and the hashes."""
    rows = dict(vocabulary.items())
    texts = sum(map(sys.getsizeof, rows))
    return texts + sys.getsizeof(rows) + (INT_BYTES + POINTER_BYTES) * len(rows) + vocabulary.hashes.nbytes
