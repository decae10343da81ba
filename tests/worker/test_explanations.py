"""What lists can be published with beyond items, scores and plain reasons."""

import msgspec
import numpy as np
import pytest

from models.batch import Interactions
from models.profiles import last_events
from models.recommender import Recommender, RecommenderOptions
from models.shard import ProfileShard
from tests.support.records import NOW_MS
from worker.events import Mover, Reason, RecentEvent, RecommendationList, position_text
from worker.settings import DEFAULT_KINDS
from worker.steps.kinds import KindNames
from worker.steps.rank import Ranker

POSITION = position_text(1, 10)
KINDS = {"buy": 1.0, "look": 0.25, "glance": 0.25, "cart": 0.5, "return": -1.0}


@pytest.fixture
def recommender() -> Recommender:
    return Recommender(RecommenderOptions(max_items=50, max_users=40))


@pytest.fixture
def shard(recommender: Recommender) -> ProfileShard:
    """Half go from tea to milk, half from ink to a pen; ben put tea into the cart, and looked at ink."""
    shard = recommender.new_shard()
    users = [f"u{number}" for number in range(20) for _ in range(2)] + ["ben"] * 2
    items = [name for number in range(20) for name in (("tea", "milk") if number % 2 else ("ink", "pen"))]
    times_ms = [*range(0, 40_000, 1000), 50_000, 50_200]
    batch = Interactions.of(users, [*items, "tea", "ink"], times_ms)
    batch.weights[-2:] = (0.5, 0.25)
    recommender.learn(shard, batch)
    return shard


def list_of(recommender: Recommender, shard: ProfileShard, *, explain: bool, recent: int = 0) -> RecommendationList:
    ranker = Ranker(recommender, 4, "m", explain=explain, recent=recent, kinds=KINDS)
    return ranker.rank(shard, np.array([shard.users.row("ben")], np.int32), POSITION, NOW_MS).lists["ben"]


def test_the_items_that_moved_one_are_named_with_what_was_done(recommender: Recommender, shard: ProfileShard) -> None:
    found = list_of(recommender, shard, explain=True)
    milk = found.reasons[found.items.index("milk")].moved_by[0]
    pen = found.reasons[found.items.index("pen")].moved_by[0]
    assert (milk.item, milk.event) == ("tea", "cart")
    assert (pen.item, pen.event) == ("ink", "")  # a look or a glance
    assert 0 < milk.share < 1


def test_popularity_and_trend_come_with_explanations(recommender: Recommender, shard: ProfileShard) -> None:
    found = list_of(recommender, shard, explain=True)
    by_item = dict(zip(found.items, found.reasons, strict=True))
    assert by_item["pen"].popularity == pytest.approx(10 / 40.75, abs=0.01)
    assert by_item["ink"].trend == pytest.approx(1, abs=0.1)


def test_an_item_that_comes_more_of_late_has_a_trend_above_one() -> None:
    recommender = Recommender(RecommenderOptions(max_items=50, max_users=40))
    shard = recommender.new_shard()
    items = ["old"] * 4000 + ["new"] * 400 + ["old"]
    recommender.learn(
        shard, Interactions.of([f"u{number % 9}" for number in range(4400)] + ["ben"], items, range(4401))
    )
    found = list_of(recommender, shard, explain=True)
    trends = {item: reason.trend for item, reason in zip(found.items, found.reasons, strict=True)}
    assert trends["new"] is not None
    assert trends["old"] is not None
    assert trends["new"] > 2 > 1 > trends["old"] > 0


def test_without_explanations_the_published_bytes_are_as_they_were(
    recommender: Recommender, shard: ProfileShard
) -> None:
    plain = list_of(recommender, shard, explain=False)
    names = ["position", "items", "scores", "reasons", "model", "generated_at"]
    assert list(msgspec.json.decode(msgspec.json.encode(plain))) == names
    for reason in plain.reasons:
        assert msgspec.json.decode(msgspec.json.encode(reason)).keys() <= {"expert", "because"}
    one = RecommendationList(POSITION, ["tea"], [0.5], [Reason("next", "milk")], "m", 7)
    assert msgspec.json.encode(one) == (
        b'{"position":"00000001-000000000000010-000000","items":["tea"],"scores":[0.5],'
        b'"reasons":[{"expert":"next","because":"milk"}],"model":"m","generated_at":7}'
    )


def test_the_last_events_come_last_first_with_kinds_and_times(recommender: Recommender, shard: ProfileShard) -> None:
    found = list_of(recommender, shard, explain=False, recent=3)
    assert found.recent == (RecentEvent("ink", 50_200), RecentEvent("tea", 50_000, "cart"))
    assert msgspec.json.encode(found).startswith(b'{"position":"')
    assert list_of(recommender, shard, explain=False, recent=1).recent == (RecentEvent("ink", 50_200),)


def test_what_was_rejected_since_is_no_recent_event(recommender: Recommender, shard: ProfileShard) -> None:
    batch = Interactions.of(["ben"], ["ink"], [60_000])
    batch.weights[:] = -1.0
    recommender.learn(shard, batch)
    assert [each.item for each in list_of(recommender, shard, explain=False, recent=3).recent] == ["tea"]


@pytest.mark.parametrize("kind", [kind for kind, weight in DEFAULT_KINDS.items() if weight > 0])
def test_a_kind_is_told_from_what_the_history_keeps_of_its_weight(
    kind: str, recommender: Recommender, shard: ProfileShard
) -> None:
    batch = Interactions.of(["ben"], ["tea"], [60_000])
    batch.weights[:] = DEFAULT_KINDS[kind]
    recommender.learn(shard, batch)
    _, weights, _ = last_events(shard.profiles, np.array([shard.users.row("ben")], np.int32), 1)
    kept = float(weights[0, 0])
    alone = {name: weight for name, weight in DEFAULT_KINDS.items() if weight != DEFAULT_KINDS[kind] or name == kind}
    assert KindNames(alone).name(kept) == kind
    assert KindNames(alone | {"twin": DEFAULT_KINDS[kind]}).name(kept) == ""
    assert KindNames({}).name(kept) == ""


def test_movers_are_short_in_json() -> None:
    assert msgspec.json.encode(Mover("tea", share=0.25)) == b'{"item":"tea","share":0.25}'
