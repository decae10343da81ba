"""Run as a program: learns from ten times as many users and items as its budgets hold; prints what became of it."""

import gc
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from models.batch import Interactions
from models.budget import item_cost, user_cost
from models.recommender import Recommender, RecommenderOptions
from models.shard import ProfileShard
from models.warmup import warm_up

ITEMS, USERS, TIMES = 2000, 6000, 10
CLUSTERS, CLUSTER_ITEMS = 20, 20
USER_EVENTS = 5
BATCH_USERS = 1000
NEW_USERS = 200
LIST_SIZE = 10


def main() -> None:
    """Prints one JSON object."""
    random = np.random.default_rng(4)
    warm_up()
    before_bytes = resident_bytes()
    recommender = Recommender(RecommenderOptions(max_items=ITEMS, max_users=USERS, ranker_share=0.02))
    shard = recommender.new_shard()
    figures = learn_all(recommender, shard, random)
    gc.collect()
    figures["resident_bytes"] = resident_bytes() - before_bytes
    sys.stdout.write(json.dumps(figures | hits(recommender, shard, random)))


def learn_all(recommender: Recommender, shard: ProfileShard, random: np.random.Generator) -> dict[str, Any]:
    """Learns the whole stream; sizes are the largest ever seen."""
    items: set[str] = set()
    items_bytes = users_bytes = forgotten = 0
    for batch in stream(random):
        forgotten += len(recommender.learn(shard, batch).forgotten_users)
        items.update(batch.items)
        items_bytes = max(items_bytes, recommender.item_bytes() + recommender.vocabulary.size_bytes())
        users_bytes = max(users_bytes, shard.size_bytes())
    return {
        "items_budget_bytes": item_cost().of(ITEMS),
        "users_budget_bytes": user_cost().of(USERS),
        "items_bytes": items_bytes,
        "users_bytes": users_bytes,
        "items_met": len(items),
        "users_met": forgotten + len(shard.users),
        "items_known": len(recommender.vocabulary),
        "users_known": len(shard.users),
    }


def resident_bytes() -> int:
    """Memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def stream(random: np.random.Generator) -> Iterator[Interactions]:
    """Users who come, take items of their cluster and of the day, and go for ever; items of the day change."""
    strangers = (TIMES * ITEMS) // (TIMES * USERS // BATCH_USERS)  # new ones in each batch
    for begin in range(0, TIMES * USERS, BATCH_USERS):
        events = BATCH_USERS * USER_EVENTS
        users = np.repeat(np.arange(begin, begin + BATCH_USERS), USER_EVENTS)
        standing = users % CLUSTERS * CLUSTER_ITEMS + random.integers(0, CLUSTER_ITEMS, events)
        day = begin // BATCH_USERS * strangers + random.integers(0, strangers, events)
        of_day = random.random(events) < 0.4
        items = np.where(of_day, day + 1_000_000, standing)
        yield Interactions.of(
            [f"user-{number:031d}" for number in users],
            [f"item-{number:031d}" for number in items],
            np.arange(events) * 1000 + begin * 1_000_000,
        )


def hits(recommender: Recommender, shard: ProfileShard, random: np.random.Generator) -> dict[str, Any]:
    """Of new users who took three items of a cluster: how often a fourth one is in their list, and in the popular."""
    popular = set(recommender.popular(LIST_SIZE)[0].tolist())
    found = found_popular = listed = 0
    for number in range(NEW_USERS):
        cluster = number % CLUSTERS * CLUSTER_ITEMS + random.permutation(CLUSTER_ITEMS)[:4]
        names = [f"item-{item:031d}" for item in cluster]
        taken = Interactions.of([f"new-{number}"] * 3, names[:3], np.arange(3) + 10**15)
        users = recommender.learn(shard, taken).users[:1]
        ranked = recommender.recommend(shard, users, LIST_SIZE).items[0].tolist()
        wanted = recommender.vocabulary.row(names[3])
        listed += all(row >= 0 for row in ranked)
        found += wanted in ranked
        found_popular += wanted in popular
    return {"full_lists": listed / NEW_USERS, "hits": found / NEW_USERS, "popular_hits": found_popular / NEW_USERS}


if __name__ == "__main__":
    main()
