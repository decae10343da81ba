"""Compiles all kernels that a worker needs, or loads them from disk, before the first event comes."""

import numpy as np

from models.batch import Interactions
from models.descriptions import Description
from models.forgetting import forget_user
from models.interventions import Interventions
from models.recommender import Recommender, RecommenderOptions
from models.registry import EXPERTS
from models.sequence_options import SequenceOptions
from models.shard import ProfileShard
from models.similar import count_shown, similar_items


def warm_up(experts: tuple[str, ...] = EXPERTS, *, explain: bool = False) -> None:
    """Learns, ranks and saves a made-up batch, and forgets a user; takes 50 s the first time, then two.

    With the sequence expert five more, to load torch; with the content expert one, to load scikit-learn; to `explain`
    15 the first time.
    """
    recommender = _recommender(experts)
    recommender.describe_items([Description("x", "a thing"), Description("z", "a thing")])
    shard = recommender.new_shard()
    recommender.learn(shard, Interactions.of(["ann", "bob", "ann"], ["x", "y", "y"], [1, 2, 3]))
    users = np.zeros(1, np.int32)
    _rank(recommender, shard, explain=explain)
    recommender.dump_shard(shard)
    forget_user(recommender.knowledge, recommender.vocabulary.hashes, shard, "bob")
    similar_items(recommender.knowledge, recommender.shelf().shown, users, 2)
    count_shown(shard.profiles.published, np.zeros(recommender.vocabulary.capacity, np.int64))


def warm_up_ranking(experts: tuple[str, ...] = EXPERTS, *, explain: bool = False) -> None:
    """Compiles only what ranks: a part that another process can do meanwhile."""
    recommender = _recommender(experts)
    shard = recommender.new_shard()
    shard.users.assign(["ann"])
    _rank(recommender, shard, explain=explain)


def _rank(recommender: Recommender, shard: ProfileShard, *, explain: bool) -> None:
    users = np.zeros(1, np.int32)
    recommender.intervene(Interventions(lifts={"x": 1.0}, pins={"z": 1}), {})
    recommender.explore(shard, users, recommender.recommend(shard, users, 2, explain=explain))


def _recommender(experts: tuple[str, ...]) -> Recommender:
    options = RecommenderOptions(
        max_items=8, max_users=8, exploration_share=1.0, experts=experts, sequence=SequenceOptions(1)
    )
    return Recommender(options)
