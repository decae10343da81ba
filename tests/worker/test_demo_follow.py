"""The demo's followed user, and the shoppers of its feed."""

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.events import columns
from tests.support.records import line
from worker.adapters.memory_source import MemoryEventSource, MemoryRecord
from worker.demo.feed import Passes
from worker.demo.follow import KEPT_EVENTS, KEPT_USERS, QUIET_SECONDS, VISIT_SECONDS, Followed, Follower, watched
from worker.demo.shoppers import Shoppers, taking_turns


class ToldTime:
    """A clock that is told."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def came(follower: Follower, *users: str, item: str = "i1") -> None:
    """Each of the users bought the item."""
    follower.saw({0: [MemoryRecord(0, 0, user.encode(), line(user, item)) for user in users]})


def followed(follower: Follower) -> Followed:
    now = follower.followed()
    assert now is not None
    return now


def test_nobody_is_followed_before_the_first_event() -> None:
    assert Follower().followed() is None


def test_a_user_is_followed_until_he_is_quiet_for_long() -> None:
    time = ToldTime()
    follower = Follower(time)
    came(follower, "ann")
    time.seconds += QUIET_SECONDS
    came(follower, "bob")
    assert followed(follower).user_id == "ann"
    assert followed(follower).quiet_seconds == QUIET_SECONDS
    time.seconds += 0.1
    came(follower, "bob")
    assert followed(follower).user_id == "bob"


def test_whoever_comes_most_often_is_chosen_among_those_who_are_there() -> None:
    time = ToldTime()
    follower = Follower(time)
    for user in ("ann", "bob", "bob", "cid"):
        came(follower, user)
        time.seconds += VISIT_SECONDS + 0.1
    time.seconds += QUIET_SECONDS
    came(follower, "cid", "bob")
    assert (followed(follower).user_id, followed(follower).visits) == ("bob", 3)


def test_the_last_events_are_kept_newest_first() -> None:
    follower = Follower()
    for number in range(KEPT_EVENTS + 3):
        came(follower, "ann", item=f"i{number}")
    items = [event.item_id for event in followed(follower).events]
    assert items == [f"i{number}" for number in range(KEPT_EVENTS + 2, 2, -1)]


def test_of_too_many_users_those_who_came_last_are_kept() -> None:
    time = ToldTime()
    follower = Follower(time)
    came(follower, *(f"u{number}" for number in range(KEPT_USERS + 1)))
    came(follower, "u0")
    assert followed(follower).visits == 1


def test_records_without_key_or_value_are_passed_over() -> None:
    follower = Follower()
    follower.saw({0: [MemoryRecord(0, 0, None, b"x"), MemoryRecord(1, 0, b"ann", None)]})
    assert follower.followed() is None


def test_a_watched_source_is_the_source_and_shows_what_it_gives() -> None:
    source, follower = MemoryEventSource(), Follower()
    seen = watched(source, follower)
    seen.open(lambda _: None)
    seen.poll(0, 10)
    for partition in seen.take_assigned():
        seen.begin(partition, None)
    source.append(line("ann", "tea"), key=b"ann")
    assert len(seen.poll(0, 10)[0]) == 1
    assert [event.item_id for event in followed(follower).events] == ["tea"]


@given(st.lists(st.integers(1, 9), max_size=30), st.integers(1, 12))
def test_shoppers_take_turns_and_each_keeps_his_order(lengths: list[int], at_once: int) -> None:
    baskets = [(basket, place) for basket, length in enumerate(lengths) for place in range(length)]
    order = [baskets[place] for place in taking_turns(lengths, at_once)]
    assert sorted(order) == baskets
    for basket in range(len(lengths)):
        assert [place for of, place in order if of == basket] == list(range(lengths[basket]))
    assert [basket for basket, place in order if place == 0] == list(range(len(lengths)))
    begun = {basket: order.index((basket, 0)) for basket in range(len(lengths))}
    ended = {basket: order.index((basket, length - 1)) for basket, length in enumerate(lengths)}
    assert all(sum(begun[b] <= now <= ended[b] for b in begun) <= at_once for now in range(len(order)))


@pytest.mark.parametrize("at_once", [1, 2])
def test_shoppers_events_are_the_samples_whatever_its_batches(at_once: int) -> None:
    batches = [columns(["a", "a"], ["1", "2"]), columns(["a", "b", "b"], ["3", "4", "5"])]
    (mixed,) = Shoppers(batches, at_once)
    expected = ["1", "2", "3", "4", "5"] if at_once == 1 else ["1", "4", "2", "5", "3"]
    assert mixed.item_ids == expected
    assert [user for user, _ in groupby(mixed.user_ids)] == (["a", "b"] if at_once == 1 else ["a", "b", "a", "b", "a"])


def test_a_second_pass_is_told() -> None:
    told: list[str] = []
    events = Passes(Shoppers([columns(["a"])], 1), lambda: told.append("again"))
    assert (len(list(events)), told) == (1, [])
    assert (len(list(events)), told) == (1, ["again"])
