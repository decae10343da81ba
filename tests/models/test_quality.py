"""How good the lists are on real data, by the protocol of models/evaluation.py: floors under what was measured."""

import os
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from models.batch import Interactions
from models.evaluation import prequential, scored_events, summarize
from models.recommender import Recommender

DATA = Path(os.environ.get("MILLRACE_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))

pytestmark = pytest.mark.shared_data


def read(name: str, events: int, kind: str | None) -> Interactions:
    """The first events of a data set, of one kind where it has several."""
    path = DATA / f"{name}.events.parquet"
    if not path.exists():
        pytest.skip(f"{path} is absent: this data may not ship; MILLRACE_SHARED_DATA names its folder")
    wanted = pc.field("event") == kind if kind else None
    table = pq.read_table(path, columns=["user_id", "item_id", "timestamp"], filters=wanted).slice(0, events)
    users, items = (list(map(str, table[name].to_pylist())) for name in ("user_id", "item_id"))
    return Interactions.of(users, items, table["timestamp"].to_numpy())


@pytest.mark.parametrize(
    ("name", "events", "kind", "floor"),
    [
        ("yoochoose-100k", 83_846, None, 0.62),
        ("online-retail", 100_000, "purchase", 0.09),
        ("ml-1m-positive", 100_000, None, 0.28),
    ],
)
def test_the_hit_rate_reaches_its_floor(name: str, events: int, kind: str | None, floor: float) -> None:
    stream = read(name, events, kind)
    recommender = Recommender()
    outcomes = prequential(recommender, recommender.new_shard(), stream)
    figures = summarize(outcomes, scored_events(outcomes, seen_excluded=recommender.excludes_seen))
    assert figures["events"] == events
    assert figures["hr_at_20"] >= floor
    assert figures["hr_at_20"] > 0.95 * max(expert["hr_at_20"] for expert in figures["experts"].values())
