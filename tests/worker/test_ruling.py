"""From rules to what is decided about each item."""

from math import log

import pytest

from tests.support.control import rule
from worker.control_records import Action
from worker.ruling import Ruling, ruled

CATEGORIES = {"toys": ["t1", "t2"], "empty": []}


def test_without_rules_nothing_is_decided() -> None:
    assert ruled([], CATEGORIES.__getitem__) == Ruling()
    assert not ruled([rule(Action.BLOCK, category="empty")], CATEGORIES.__getitem__).everyone


def test_items_and_categories_are_blocked_lifted_and_pinned() -> None:
    rules = [
        rule(Action.BLOCK, "a", category="toys"),
        rule(Action.BOOST, "b", item_id="i1", strength=4.0),
        rule(Action.BURY, "c", item_id="i2", strength=2.0),
        rule(Action.PIN, "d", item_id="i3", place=7),
    ]
    ruling = ruled(rules, CATEGORIES.__getitem__)
    assert ruling.everyone.blocked == {"t1", "t2"}
    assert ruling.everyone.lifts == {"i1": pytest.approx(log(4)), "i2": pytest.approx(-log(2))}
    assert ruling.everyone.pins == {"i3": 7}
    assert ruling.rule_ids == {"i1": "b", "i2": "c", "i3": "d"}
    assert ruling.own == {}


def test_boosts_multiply_and_of_several_places_the_last_counts() -> None:
    rules = [
        rule(Action.BOOST, "a", category="toys", strength=4.0),
        rule(Action.BOOST, "b", item_id="t1", strength=3.0),
        rule(Action.PIN, "c", item_id="i3", place=7),
        rule(Action.PIN, "d", item_id="i3", place=2),
    ]
    ruling = ruled(rules, CATEGORIES.__getitem__)
    assert ruling.everyone.lifts == {"t1": pytest.approx(log(12)), "t2": pytest.approx(log(4))}
    assert ruling.everyone.pins == {"i3": 2}
    assert ruling.rule_id("anyone", "t1") == "b"
    assert ruling.rule_id("anyone", "i3") == "d"


def test_rules_for_one_user_are_that_users_alone() -> None:
    rules = [rule(Action.BLOCK, "a", item_id="i1", user_id="ann"), rule(Action.PIN, "b", item_id="i2", user_id="ann")]
    ruling = ruled(rules, CATEGORIES.__getitem__)
    assert not ruling.everyone
    assert ruling.own["ann"].blocked == {"i1"}
    assert ruling.rule_id("ann", "i2") == "b"
    assert ruling.rule_id("ben", "i2") == ""
