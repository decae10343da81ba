"""Memory a user and an item: all tables and ids, divided by those who are known."""

from typing import Any

from models.recommender import Recommender
from models.shard import ProfileShard
from worker.refresh import BYTES_PER_USER

COUNTED = (
    "users: history, seen filter, published list and refresh times of one shard; items: all experts' tables and the "
    "scratch memory; both: ids, their rows and hashes, for items also the strangers at the door. Tables grow by "
    "doubling, so `fill` is the share of their rows in use. What cleaning remembers and the libraries are not "
    "counted: they do not grow with users or items"
)


def measure_memory(recommender: Recommender, shard: ProfileShard) -> dict[str, Any]:
    """At this fill; measured on the objects themselves."""
    users, items = shard.users, recommender.vocabulary
    of_users = shard.size_bytes() + BYTES_PER_USER * users.capacity
    of_items = recommender.item_bytes() + items.size_bytes()
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
