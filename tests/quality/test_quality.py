"""The gate of quality: real events, the default settings, and HR@20 not below what was reached before."""

from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet
import pytest

from models.accuracy import rank_metrics
from models.batch import Interactions
from models.evaluation import prequential, scored_events
from models.recommender import Recommender
from producers.sample import sample_events_path

EVENTS = 20_000
TOLERANCE = 0.003
IFDB = Path(__file__).parent / "data" / "ifdb.events.parquet"


@pytest.mark.parametrize(
    ("path", "kinds", "reached"),
    [(sample_events_path(), ["purchase"], 0.1325), (IFDB, ["played", "wishlist"], 0.3761)],
    ids=["online-retail", "ifdb"],
)
def test_the_hit_rate_does_not_fall_below_what_was_reached(path: Path, kinds: list[str], reached: float) -> None:
    assert hit_rate(first_events(path, kinds)) >= reached - TOLERANCE


def first_events(path: Path, kinds: list[str]) -> Interactions:
    table = pyarrow.parquet.read_table(path)
    table = table.filter(pc.field("event").isin(kinds)).slice(0, EVENTS)
    assert len(table) == EVENTS
    users, items = ([str(value) for value in table[name].to_pylist()] for name in ("user_id", "item_id"))
    return Interactions.of(users, items, table["timestamp"].to_numpy())


def hit_rate(stream: Interactions) -> float:
    recommender = Recommender()
    outcomes = prequential(recommender, recommender.new_shard(), stream)
    scored = scored_events(outcomes, seen_excluded=recommender.excludes_seen)
    return rank_metrics(outcomes.ranks[scored])["hr_at_20"]
