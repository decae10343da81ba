"""Real returns: 6,000 events of a wholesaler, with what its customers sent back."""

import os
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from models.batch import Interactions
from models.policies import Repeats
from models.profiles import REJECTED_ITEMS
from models.recommender import Recommender, RecommenderOptions

DATA = Path(os.environ.get("MILLRACE_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
EVENTS, STEP = 6_000, 250

pytestmark = pytest.mark.shared_data


def purchases_and_returns() -> Interactions:
    """In the order of the file; a return weighs -1."""
    path = DATA / "online-retail.events.parquet"
    if not path.exists():
        pytest.skip(f"{path} is absent: the shipped sample has no returns; MILLRACE_SHARED_DATA names its folder")
    wanted = (pc.field("event") == "purchase") | (pc.field("event") == "return")
    table = pq.read_table(path, columns=["user_id", "item_id", "timestamp", "event"], filters=wanted).slice(0, EVENTS)
    users, items, kinds = (list(map(str, table[name].to_pylist())) for name in ("user_id", "item_id", "event"))
    weights = np.where(np.array(kinds) == "return", np.float32(-1), np.float32(1))
    return Interactions(users, items, table["timestamp"].to_numpy(), weights)


def test_what_was_sent_back_is_in_no_list_until_it_is_bought_again() -> None:
    stream, back = purchases_and_returns(), dict[str, list[str]]()
    recommender = Recommender(RecommenderOptions(repeats=Repeats.ALLOW, ranker_share=0.05, ranker_warmup_events=100))
    shard, held, bought_again = recommender.new_shard(), 0, 0
    for start in range(0, EVENTS, STEP):
        part = stream.slice(start, start + STEP)
        for user, item, weight in zip(part.users, part.items, part.weights.tolist(), strict=True):
            others = back.get(user, [])
            bought_again += weight > 0 and item in others
            others = [each for each in others if each != item]
            back[user] = [item, *others][:REJECTED_ITEMS] if weight < 0 else others
        recommender.learn(shard, part)
        who = [user for user, items in back.items() if items]
        rows = np.array([shard.users.row(user) for user in who], np.int32)
        for user, found in zip(who, recommender.recommend(shard, rows, 20).items.tolist(), strict=True):
            assert not set(recommender.vocabulary.ids_of(found)) & set(back[user])
            held += len(back[user])
    assert held > 0
    assert bought_again > 0
