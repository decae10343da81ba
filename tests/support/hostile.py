"""Snapshots that somebody has altered and given a checksum: what a worker does with them, in a process of its own."""

import os
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from models.batch import Interactions
from models.descriptions import Description
from models.recommender import Recommender, RecommenderOptions
from models.registry import ALL_EXPERTS
from models.sequence_options import SequenceOptions

Arrays = dict[str, npt.NDArray[Any]]

ITEMS, USERS, EVENTS = 30, 20, 300
USED, REFUSED = 0, 3
VALUES = (-(2**62), -(2**31), -5, -2, ITEMS + 40, 10**6, 2**31 - 1, 2**62, 2**63 - 1)


@cache
def written() -> tuple[Arrays, Arrays]:
    """What a small worker with all experts would save: of items, and of one partition's users."""
    recommender = new_recommender()
    shard = recommender.new_shard()
    recommender.learn(shard, events(EVENTS, 1))
    recommender.describe_items([Description(f"i{number}", f"a thing of {number % 5}") for number in range(ITEMS)])
    recommender.learn(shard, events(EVENTS, 2))
    return recommender.dump(), recommender.dump_shard(shard)


def new_recommender() -> Recommender:
    return Recommender(
        RecommenderOptions(max_items=64, max_users=64, experts=ALL_EXPERTS, sequence=SequenceOptions(50))
    )


def events(count: int, seed: int) -> Interactions:
    random, first = np.random.default_rng(seed), seed * 1_000_000
    users = [f"u{random.integers(USERS)}" for _ in range(count)]
    items = [f"i{random.integers(ITEMS)}" for _ in range(count)]
    return Interactions.of(users, items, list(range(first, first + count)))


def use(knowledge: Arrays, users: Arrays) -> None:
    """Loads, learns, ranks and saves. Raises ValueError when it is refused."""
    recommender = new_recommender()
    recommender.load(knowledge)
    shard = recommender.load_shard(users)
    recommender.learn(shard, events(100, 3))
    recommender.recommend(shard, np.arange(shard.users.rows_used, dtype=np.int32), 20)
    recommender.popular(10)
    recommender.dump()
    recommender.dump_shard(shard)


def altered(array: npt.NDArray[Any], value: int, *, everywhere: bool) -> npt.NDArray[Any]:
    """A copy with the value, as near as its type has it, in one place or in all."""
    info, changed = np.iinfo(array.dtype), array.copy()
    fitting = min(max(value, int(info.min)), int(info.max))
    changed.reshape(-1)[slice(None) if everywhere else array.size // 2] = fitting
    return changed


def outcome(change: Callable[[Arrays, Arrays], None]) -> int:
    """The exit code of a process that uses what `change` makes of the arrays; below 0 = a signal ended it."""
    knowledge, users = (dict(each) for each in written())
    change(knowledge, users)
    child = os.fork()
    if child == 0:
        try:
            use(knowledge, users)
        except ValueError:
            os._exit(REFUSED)
        except BaseException:  # whatever it is, the parent is to see it by the exit code
            os._exit(1)
        os._exit(USED)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
