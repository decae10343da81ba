"""Rules, exploration and cold start, through a whole worker on adapters in memory."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.records import NOW_MS, line
from tests.support.rig import Crash, Rig, rig_settings
from worker.adapters.memory import MemoryTable
from worker.adapters.memory_source import MemoryEventSource
from worker.events import EXPLORATION
from worker.shown_lists import read_list

ITEMS = [f"i{number}" for number in range(30)]
EXPLORING = {"lists__exploration_share": 1.0, "lists__exploration_events": 1}


def catalogue(**categories: str) -> MemoryTable:
    """Thirty toys of prices 0 to 29, but for those whose category is given."""
    return MemoryTable(
        {
            item: json.dumps({"item_id": item, "category": categories.get(item, "toys"), "price": number}).encode()
            for number, item in enumerate(ITEMS)
        }
    )


def fed(source: MemoryEventSource, events: int) -> None:
    """Events of nine users; the last record holds one of each, so that their lists are made of all events."""
    lines = [line(f"u{number % 9}", ITEMS[number * 7 % 17], ts=NOW_MS + number) for number in range(events)]
    for value in (*lines[:-9], b"\n".join(lines[-9:])):
        source.append(value, b"k", 0, NOW_MS)


def rig_with(catalogue: MemoryTable | None = None, **overrides: Any) -> Rig:
    """A worker with 200 events to read."""
    rig = Rig({"lists__popular_interval_seconds": 0.1} | overrides, catalogue=catalogue or MemoryTable())
    fed(rig.source, 200)
    return rig


def last(rig: Rig, at_round: Callable[[int], None]) -> Rig:
    """Runs for 60 rounds at least, with or without events."""

    def stay(number: int) -> None:
        at_round(number)
        rig.watcher.idle_rounds *= number >= 60

    return rig.run(stay)


def shown(rig: Rig) -> set[str]:
    popular = rig.lists.read_popular()
    assert popular is not None
    return {item for found in (*rig.lists.lists.values(), popular) for item in found.items}


# -- rules ----------------------------------------------------------------------------------------------------


def test_only_allowed_categories_stand_in_lists_and_make_full_ones() -> None:
    rig = rig_with(catalogue(i0="tools", i3="tools", i20="tools"), lists__allowed_categories="tools").run()
    assert shown(rig) == {"i0", "i3"}, "i20 is allowed, but nobody had it"
    assert {len(found.items) for found in rig.lists.lists.values()} == {2}


def test_blocked_categories_and_prices_out_of_range_stand_in_no_list() -> None:
    rig = rig_with(
        catalogue(i4="adult"), lists__blocked_categories="adult", lists__min_price=2, lists__max_price=8
    ).run()
    assert shown(rig) == {"i2", "i3", "i5", "i6", "i7", "i8"}


def test_no_list_is_made_before_the_rules_can_be_kept() -> None:
    class Slow(MemoryTable):
        """Does not come to an end by itself."""

        is_read = False

        def caught_up(self) -> bool:
            return self.is_read

    slow = Slow(dict(catalogue(i4="adult").poll()))
    rig = rig_with(slow, lists__blocked_categories="adult")
    told: list[str | None] = []

    def at_round(number: int) -> None:
        told.append(rig.worker.why_not_ready())
        if number == 30:
            assert rig.watcher.events == 200
            assert (rig.lists.lists, rig.lists.popular) == ({}, None)
            slow.is_read = True

    last(rig, at_round)
    assert told[10] == "the catalogue is not read yet, and the rules need it"
    assert told[-1] is None
    assert "i4" not in shown(rig)
    assert len(rig.lists.lists) == 9


def test_an_item_that_changes_its_price_leaves_the_lists_and_comes_back() -> None:
    rig = rig_with(catalogue(), lists__max_price=100)
    seen: list[bool] = []

    def at_round(number: int) -> None:
        if number in (20, 40):
            seen.append("i3" in shown(rig))
            rig.catalogue.put("i3", json.dumps({"item_id": "i3", "price": 101 if number == 20 else 99}).encode())
        if number == 50:
            rig.source.append(line("u1", "i1", ts=NOW_MS + 1000), b"k", 0, NOW_MS)

    last(rig, at_round)
    assert seen == [True, False]
    assert "i3" in shown(rig)


def test_other_rules_hold_from_when_settings_are_read_again() -> None:
    rig = rig_with(catalogue(i4="adult", i5="adult"), lists__blocked_categories="adult")
    seen: list[set[str]] = []

    def at_round(number: int) -> None:
        if number == 30:
            seen.append(shown(rig))
            overrides = {"lists__popular_interval_seconds": 0.1, "lists__blocked_categories": "toys"}
            rig.worker.reload(rig_settings(**overrides))
        if number == 40:  # lists that show what must not stand there are made anew at once, the others with an event
            rig.source.append(line("u1", "i1", ts=NOW_MS + 1000), b"k", 0, NOW_MS)

    last(rig, at_round)
    assert not seen[0] & {"i4", "i5"}
    assert shown(rig) == {"i4", "i5"}


# -- exploration ----------------------------------------------------------------------------------------------


def explored(rig: Rig) -> dict[str, tuple[str, float | None]]:
    """By user, the new item of the list and its propensity."""
    return {
        user: (found.items[-1], found.reasons[-1].propensity)
        for user, found in rig.lists.lists.items()
        if found.reasons[-1].expert == EXPLORATION
    }


def test_items_that_nobody_had_get_a_chance_which_is_published() -> None:
    rig = rig_with(catalogue(), **EXPLORING).run()
    found = explored(rig)
    assert len(found) == 9
    assert {item for item, _ in found.values()} <= set(ITEMS[17:])
    assert {propensity for _, propensity in found.values()} == {1 / 13}
    assert rig.watcher.explored_items >= 9


def test_a_hit_on_an_explored_item_is_counted() -> None:
    rig = rig_with(catalogue(), **EXPLORING)

    def at_round(number: int) -> None:
        if number == 30:
            for user, (item, _) in explored(rig).items():
                rig.source.append(line(user, item, ts=NOW_MS + 1000), b"k", 0, NOW_MS + 1000)

    last(rig, at_round)
    assert rig.watcher.served.explored_hits == 9
    assert rig.watcher.served.hits >= 9


def test_an_explored_item_that_is_gone_leaves_the_lists() -> None:
    rig = rig_with(catalogue(), **EXPLORING)
    gone: set[str] = set()

    def at_round(number: int) -> None:
        if number == 30:
            gone.update(item for item, _ in explored(rig).values())
            for item in gone:
                rig.catalogue.put(item, None)

    last(rig, at_round)
    assert gone
    assert not gone & {item for item, _ in explored(rig).values()}
    assert not gone & shown(rig)


@settings(max_examples=10)
@given(first=st.integers(1, 150), batch=st.integers(1, 60))
def test_a_crash_in_between_gives_the_same_lists(first: int, batch: int) -> None:
    rules = {
        "lists__exploration_share": 0.5,
        "lists__diversity": 0.6,
        "lists__max_per_category": 8,
        "lists__size": 6,
        "lists__blocked_categories": "adult",
        "snapshots__interval_seconds": 0.15,
        "run__drain_seconds": 60.0,
    }
    whole = rig_with(catalogue(i3="adult"), **rules).run()
    rig = rig_with(catalogue(i3="adult"), kafka__max_poll_records=batch, **rules)

    def at_round(number: int) -> None:
        if rig.watcher.events >= first:
            raise Crash

    with pytest.raises(Crash):
        rig.run(at_round)
    after = rig.again()
    for item, value in catalogue(i3="adult").poll():
        after.catalogue.put(item, value)
    assert content(after.run()) == content(whole)


def content(rig: Rig) -> dict[str, tuple[Sequence[object], ...]]:
    return {user: (found.items, found.scores, found.reasons) for user, found in rig.lists.lists.items()}


# -- new users ------------------------------------------------------------------------------------------------


def test_a_new_user_gets_what_is_popular_and_from_the_first_event_on_what_follows_it() -> None:
    rig = Rig({"lists__popular_interval_seconds": 0.1})
    for number in range(120):  # who has tea goes on to milk, who has a saw to nails; most have bread
        pair = ("bread", "bread") if number % 3 == 0 else ("tea", "milk") if number % 3 == 1 else ("saw", "nails")
        for step, item in enumerate(pair):
            rig.source.append(line(f"u{number}", item, ts=NOW_MS + 10 * number + step), b"k", 0, NOW_MS)
    before = {}

    def at_round(number: int) -> None:
        if number == 30:
            before["ann"] = read_list(rig.lists, "ann", str, NOW_MS)
            rig.source.append(line("ann", "tea", ts=NOW_MS + 5000), b"k", 0, NOW_MS)
            rig.source.append(line("ben", "saw", ts=NOW_MS + 5001), b"k", 0, NOW_MS)

    last(rig, at_round)
    assert not before["ann"].personal
    assert before["ann"].items[0].item_id == "bread"
    ann, ben = (read_list(rig.lists, user, str, NOW_MS) for user in ("ann", "ben"))
    assert ann.personal
    assert ben.personal
    assert (ann.items[0].item_id, ben.items[0].item_id) == ("milk", "nails")
    assert ann.items[0].because == "tea"
