"""Which of the catalogue's items the settings let into lists."""

from typing import Any

import pytest

from worker.events import Item
from worker.rules import ListRules
from worker.settings import ListSettings, load

TOY = Item("i1", category="toys", price=5.0)


def shown(item: Item, **settings: Any) -> bool:
    return ListRules(ListSettings(**settings)).listing(item).shown


def test_without_rules_what_is_available_is_shown() -> None:
    assert shown(TOY)
    assert not shown(Item("i1", available=False))
    rules = ListRules(ListSettings())
    assert (rules.unlisted_shown, rules.need_catalogue) == (True, False)


@pytest.mark.parametrize(
    ("settings", "is_shown"),
    [
        ({"allowed_categories": ["toys", "tools"]}, True),
        ({"allowed_categories": ["tools"]}, False),
        ({"blocked_categories": ["toys"]}, False),
        ({"blocked_categories": ["Toys"]}, True),
        ({"min_price": 5, "max_price": 5}, True),
        ({"min_price": 5.01}, False),
        ({"max_price": 4.99}, False),
        ({"allowed_categories": ["toys"], "max_price": 4}, False),
    ],
)
def test_category_and_price_must_fit(settings: dict[str, Any], is_shown: bool) -> None:
    assert shown(TOY, **settings) == is_shown


def test_what_has_no_category_or_price_is_left_out_only_where_the_rules_ask_for_one() -> None:
    bare = Item("i1")
    assert shown(bare, blocked_categories=["toys"])
    assert not shown(bare, allowed_categories=["toys"])
    assert not shown(bare, min_price=0)


def test_an_item_that_the_catalogue_does_not_have_is_treated_like_one_without_category_and_price() -> None:
    blocking = ListRules(ListSettings(blocked_categories=("toys",)))
    assert (blocking.unlisted_shown, blocking.need_catalogue) == (True, True)
    allowing = ListRules(ListSettings(allowed_categories=("toys",)))
    assert (allowing.unlisted_shown, allowing.need_catalogue) == (False, True)
    assert not ListRules(ListSettings(max_price=3)).unlisted_shown


def test_the_settings_come_from_variables_as_well() -> None:
    lists = load(environment={"MILLRACE_LISTS__MIN_PRICE": "2", "MILLRACE_LISTS__ALLOWED_CATEGORIES": "toys"}).lists
    assert ListRules(lists).listing(TOY).shown
