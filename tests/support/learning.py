"""Streams to learn from, and what a recommender then knows and shows, in terms that can be compared."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from models.batch import Interactions
from models.descriptions import Description
from models.recommender import Arrays, Recommender, RecommenderOptions
from models.shard import ProfileShard
from models.tables import dump

Event = tuple[str, str, int, float]  # user, item, ms since the event before, weight

LIST_SIZE = 10


def batch_of(events: Sequence[Event]) -> Interactions:
    """The events as columns."""
    users, items, gaps_ms, weights = zip(*events, strict=True) if events else ((), (), (), ())
    return Interactions(users, items, np.cumsum(gaps_ms, dtype=np.int64), np.array(weights, np.float32))


def random_batch(seed: int, events: int, users: int, items: int, least_user: int = 0) -> Interactions:
    """Users who mostly go on to a neighbouring item, sometimes anywhere; some events come at the same time."""
    random = np.random.default_rng(seed)
    who = least_user + random.integers(0, users, events)
    steps = np.where(random.random(events) < 0.7, random.integers(0, 4, events), random.integers(0, items, events))
    what = (who * 7 + np.cumsum(steps)) % items
    gaps_ms = random.choice([0, 1000, 60_000, 4_000_000], events)
    names = [f"u{number}" for number in who], [f"i{number}" for number in what]
    return Interactions(*names, np.cumsum(gaps_ms), np.ones(events, np.float32))


def descriptions_of(items: Iterable[str]) -> list[Description]:
    """Each item is of one of seven kinds and of one of three authors, which its number tells."""
    return [
        Description(item, f"thing {item}", f"author {number % 3}", f"kind {number % 7}", ("all",), "some text")
        for item in items
        for number in [int(item.strip("i"))]
    ]


def new_recommender(options: RecommenderOptions) -> Recommender:
    """One that learned nothing, but to which a catalogue of sixty items was described if it asks for it."""
    recommender = Recommender(options)
    recommender.describe_items(descriptions_of(f"i{number}" for number in range(60)))
    return recommender


def learned(options: RecommenderOptions, batch: Interactions) -> tuple[Recommender, ProfileShard]:
    """A recommender with one shard that learned a batch."""
    recommender = new_recommender(options)
    shard = recommender.new_shard()
    recommender.learn(shard, batch)
    return recommender, shard


def state_of(recommender: Recommender, *shards: ProfileShard) -> Arrays:
    """All that would be saved."""
    state = recommender.dump()
    for number, shard in enumerate(shards):
        state |= {f"shard{number}.{name}": array for name, array in recommender.dump_shard(shard).items()}
    return state


def stored(arrays: Arrays) -> dict[str, npt.NDArray[Any]]:
    """The arrays as they come back from a snapshot."""
    return load_arrays(save_arrays({name: np.ascontiguousarray(array) for name, array in arrays.items()}))


def restored(
    options: RecommenderOptions, recommender: Recommender, shard: ProfileShard
) -> tuple[Recommender, ProfileShard]:
    """A new recommender that takes over what another one saved."""
    other = Recommender(options)
    other.load(stored(recommender.dump()))
    return other, other.load_shard(stored(recommender.dump_shard(shard)))


def assert_same_state(one: Arrays, two: Arrays) -> None:
    """Equal to the last bit."""
    assert one.keys() == two.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], two[name], err_msg=name, strict=True)


def lists_of(recommender: Recommender, shard: ProfileShard, size: int = LIST_SIZE) -> dict[str, list[tuple[Any, ...]]]:
    """By user: (item, score, expert, because) for each place of the list, ids in place of rows."""
    ranked = recommender.recommend(shard, shard.users.rows_in_use(), size)
    item_id = recommender.vocabulary.id_of
    lists = {}
    for place, row in enumerate(shard.users.rows_in_use().tolist()):
        length = int(np.count_nonzero(ranked.items[place] >= 0))
        experts = recommender.expert_names(ranked.experts[place, :length].tolist())
        because = [item_id(row) if row >= 0 else "" for row in ranked.because[place, :length].tolist()]
        items = [item_id(row) for row in ranked.items[place, :length].tolist()]
        scores = ranked.scores[place, :length].tolist()
        lists[shard.users.id_of(row)] = list(zip(items, scores, experts, because, strict=True))
    return lists


def items_of(recommender: Recommender, shard: ProfileShard, size: int = LIST_SIZE) -> dict[str, list[str]]:
    """By user: the items of the list."""
    return {user: [place[0] for place in places] for user, places in lists_of(recommender, shard, size).items()}


def history_of(recommender: Recommender, shard: ProfileShard, user: str) -> list[str]:
    """The user's remembered items."""
    rows = shard.profiles.items[shard.users.row(user)].tolist()
    return recommender.vocabulary.ids_of(rows)


def live_bytes(recommender: Recommender, shard: ProfileShard) -> int:
    """Memory of all arrays, beside the seen filter's."""
    hashes = recommender.vocabulary.hashes.nbytes + shard.users.hashes.nbytes
    return recommender.item_bytes() + sum(array.nbytes for array in dump(shard.profiles).values()) + hashes
