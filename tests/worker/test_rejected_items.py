"""What users reject disappears from their published lists: returns, dislikes, low ratings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.recommender import Recommender
from tests.support.pipelines import memory_pipeline
from tests.support.records import NOW_MS, line, records
from tests.support.rig import Watcher, rig_settings
from worker.adapters.memory import ManualClock, MemoryDeadLetters, MemoryLists
from worker.assembly import recommender_options
from worker.partition import new_partition
from worker.steps.clean import Cleaner

ITEMS = [f"i{number}" for number in range(12)]
RATED = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(ITEMS), st.integers(1, 5)), max_size=60)


class Shop:
    """A pipeline with one partition and lists in memory, where other users have taken all ITEMS."""

    def __init__(self) -> None:
        configured = rig_settings()
        clock, recommender = ManualClock(NOW_MS), Recommender(recommender_options(configured))
        self.lists = MemoryLists()
        self.clock = clock
        self.partition = new_partition(0, recommender, Cleaner(configured.clean))
        self.pipeline = memory_pipeline(configured, recommender, self.lists, MemoryDeadLetters(), clock, Watcher(clock))
        self.time_ms = NOW_MS - 100_000
        self.feed(*(("other", item, "view_item", None) for item in ITEMS))

    def feed(self, *events: tuple[str, str, str, float | None]) -> None:
        """Learns user, item, kind and value of each, then publishes."""
        lines = [line(user, item, kind, ts=self.next_ms(), value=value) for user, item, kind, value in events]
        self.pipeline.process(self.partition, records(lines, self.partition.next_offset))
        self.clock.advance(1.0)
        self.pipeline.refresh([self.partition], 10.0)

    def next_ms(self) -> int:
        self.time_ms += 1000
        return self.time_ms

    def listed(self, user: str) -> list[str]:
        return self.lists.lists[user].items


@pytest.mark.parametrize(
    ("kind", "value"), [("return", None), ("refund", 9.5), ("dislike", None), ("remove_from_cart", 1), ("rate", 2.0)]
)
def test_a_rejected_item_leaves_the_published_list_until_it_is_taken_again(kind: str, value: float | None) -> None:
    shop = Shop()
    shop.feed(("ann", "i3", "purchase", None), ("ann", "i4", "purchase", None))
    assert "i3" in shop.listed("ann")
    shop.feed(("ann", "i3", kind, value))
    assert "i3" not in shop.listed("ann")
    assert "i4" in shop.listed("ann")
    shop.feed(("ann", "i5", "view_item", None))
    assert "i3" not in shop.listed("ann")
    shop.feed(("ann", "i3", "purchase", None))
    assert "i3" in shop.listed("ann")


def test_who_only_rejects_gets_a_list_without_it() -> None:
    shop = Shop()
    shop.feed(("ann", "i3", "dislike", None))
    assert set(shop.listed("ann")) == set(ITEMS) - {"i3"}


def test_a_rejection_is_not_a_served_event() -> None:
    shop = Shop()
    shop.feed(("ann", "i3", "purchase", None))
    place = shop.partition.shard.users.row("ann")
    before = shop.partition.shard.profiles.events[place]
    shop.feed(("ann", "i3", "return", None))
    assert shop.partition.shard.profiles.events[place] == before


@settings(max_examples=25, deadline=None)
@given(RATED)
def test_what_a_user_rated_low_last_is_not_in_the_list(rated: list[tuple[str, str, int]]) -> None:
    shop = Shop()
    last: dict[tuple[str, str], int] = {}
    for user, item, stars in rated:
        shop.feed((user, item, "rate", float(stars)))
        last[user, item] = stars
        low = {other for (whose, other), given_stars in last.items() if whose == user and given_stars <= 2}
        assert not set(shop.listed(user)) & low


def test_generated_ratings_keep_disliked_genres_down() -> None:
    """Ratings made up from two genres: users give 4 or 5 to one and 1 or 2 to the other."""
    random, shop = np.random.default_rng(5), Shop()
    for _ in range(300):
        user, item = int(random.integers(0, 6)), int(random.integers(0, len(ITEMS)))
        stars = random.integers(4, 6) if user % 2 == item % 2 else random.integers(1, 3)
        shop.feed((f"u{user}", ITEMS[item], "rate", float(stars)))
    for user in range(6):
        assert {int(item[1:]) % 2 for item in shop.listed(f"u{user}")} == {user % 2}


@pytest.mark.parametrize("kind", ["not_interested", "already_have", "wrong_reason", "report"])
def test_feedback_on_a_list_takes_the_item_out_of_the_next_one(kind: str) -> None:
    shop = Shop()
    shop.feed(("ann", "i0", "purchase", None))
    before = shop.lists.lists["ann"].items
    shop.feed(("ann", before[0], kind, None))
    assert before[0] not in shop.lists.lists["ann"].items
    assert set(before[1:4]) <= set(shop.lists.lists["ann"].items)


@pytest.mark.parametrize(("kind", "speaks_of_taste"), [("not_interested", True), ("already_have", False)])
def test_only_what_does_not_interest_falls_in_the_users_taste(kind: str, speaks_of_taste: bool) -> None:
    shop = Shop()
    shop.feed(("ann", "i0", "purchase", None), ("ann", "i1", "purchase", None), ("ann", "i2", "purchase", None))
    shard = shop.partition.shard
    before = shard.profiles.taste[shard.users.row("ann")].copy()
    shop.feed(("ann", "i5", kind, None))
    changed = not np.array_equal(before, shard.profiles.taste[shard.users.row("ann")])
    assert changed == speaks_of_taste
