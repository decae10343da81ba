"""Snapshots: blobs byte by byte, and sound ones of which numbers, shapes and types were changed."""

from functools import cache

import numpy as np

from models.recommender import Recommender, RecommenderOptions
from tests.fuzz.edits import Arrays, edit
from tests.fuzz.target import Target, explained
from tests.support.hostile import events
from worker.contents import decoded, encoded, partition_arrays, restored_knowledge, restored_partition
from worker.errors import SnapshotError
from worker.partition import new_partition
from worker.settings import CleanSettings
from worker.steps.clean import Cleaner

NAME = "0" * 64
OPTIONS = RecommenderOptions(max_items=64, max_users=64)


def blob_target() -> Target:
    """What is decoded is arrays of finite numbers."""

    def check(content: bytes) -> None:
        try:
            arrays = decoded(content, NAME)
        except SnapshotError as error:
            explained(error)
            return
        assert all(np.isfinite(each).all() for each in arrays.values()), "what is no number"

    small: Arrays = {"a": np.arange(4, dtype=np.float32), "b.c": np.ones((2, 2), np.int64), "d": np.zeros(0, np.uint8)}
    words = [f'"{name}"'.encode() for name in ("F32", "F64", "F16", "BF16", "I64", "U8", "BOOL", "F8_E4M3", "shape")]
    return Target(check, [encoded(small), encoded({})], [*words, b"[0,0]", b"[4294967296,4294967296]", b"null"])


def table_target() -> Target:
    """An input is a list of edits; what they make is refused, or can be used: learned on, ranked with, saved again."""
    clean = CleanSettings(dedupe_window_events=10)

    def check(content: bytes) -> None:
        knowledge, users = (dict(each) for each in _written())
        edit([knowledge, users], content)
        recommender = Recommender(OPTIONS)
        try:
            restored_knowledge(recommender, "a snapshot", decoded(encoded(knowledge), NAME))
            partition = restored_partition(recommender, clean, 0, 1, 0, decoded(encoded(users), NAME))
        except SnapshotError as error:
            explained(error)
            return
        shard = partition.shard
        recommender.learn(shard, events(20, 3))
        recommender.recommend(shard, np.arange(shard.users.rows_used, dtype=np.int32), 20)
        recommender.popular(10)
        recommender.dump()
        partition_arrays(recommender, partition)

    seeds = [bytes([0, array, action, place, 0, value]) for array in range(90) for action, place, value in SEEDS]
    return Target(check, seeds)


SEEDS = ((0, 0, 6), (1, 0, 10), (0, 9, 12), (2, 0, 0), (3, 0, 0), (4, 1, 0), (5, 3, 0))


@cache
def _written() -> tuple[Arrays, Arrays]:
    """What a small worker saves."""
    recommender = Recommender(OPTIONS)
    partition = new_partition(0, recommender, Cleaner(CleanSettings(dedupe_window_events=10)))
    recommender.learn(partition.shard, events(100, 1))
    return dict(recommender.dump()), dict(partition_arrays(recommender, partition))
