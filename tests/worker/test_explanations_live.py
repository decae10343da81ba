"""Explanations and last events, through a whole worker on adapters in memory."""

from typing import Any

from tests.support.records import NOW_MS, line
from tests.support.rig import Rig
from worker.shown_lists import ShownList, read_list

EVENTS = 200
NOW_LATER_MS = NOW_MS + 1_000_000
KINDS = ("add_to_cart", "view_item")


def list_of(user: str, **overrides: Any) -> ShownList:
    """Of one of nine users, who put things into the cart and look at things in turns."""
    rig = Rig(overrides)
    for number in range(EVENTS):
        event = line(f"u{number % 9}", f"i{number * 7 % 17}", KINDS[number % 2], ts=NOW_MS + number)
        rig.source.append(event, b"k", 0, NOW_MS)
    rig.run()
    return read_list(rig.lists, user, str, NOW_LATER_MS)


def test_what_moved_the_items_of_a_list_is_published_by_the_settings_kinds() -> None:
    shown = list_of("u1", lists__explanations=True)
    movers = [mover for item in shown.items for mover in item.moved_by]
    assert {mover.event for mover in movers} == {"add_to_cart"}  # the stronger of the two, which each item had
    assert all(0.01 <= mover.share <= 1 for mover in movers)
    assert any("because you put " in item.sentence for item in shown.items)
    assert all(item.popularity and item.trend for item in shown.items)


def test_the_last_events_are_published_as_many_as_the_setting_says() -> None:
    shown = list_of("u1", lists__recent_events=2, events__kinds={"select_item": 0})
    last = EVENTS - 1 - (EVENTS - 1 - 1) % 9
    assert [(each.item_id, each.event, each.ts) for each in shown.recent] == [
        (f"i{number * 7 % 17}", KINDS[number % 2], NOW_MS + number) for number in (last, last - 9)
    ]


def test_by_default_neither_is_published() -> None:
    shown = list_of("u1")
    assert shown.recent == ()
    assert not any(item.shares or item.moved_by or item.sentence for item in shown.items)
