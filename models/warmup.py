"""Compiles all kernels that a worker needs, or loads them from disk, before the first event comes."""

import numpy as np

from models.batch import Interactions
from models.recommender import Recommender, RecommenderOptions


def warm_up() -> None:
    """Learns, ranks and saves a made-up batch; takes about a minute the first time, then two seconds."""
    recommender = Recommender(RecommenderOptions(max_items=8, max_users=8, exploration_share=1.0))
    shard = recommender.new_shard()
    recommender.learn(shard, Interactions.of(["ann", "bob", "ann"], ["x", "y", "y"], [1, 2, 3]))
    users = np.zeros(1, np.int32)
    recommender.explore(shard, users, recommender.recommend(shard, users, 2))
    recommender.dump_shard(shard)
