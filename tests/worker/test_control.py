"""What the control topic says: rules that hold, requests, receipts, and what is no record of it."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.control import ControlTopic, forget, receipt, rule
from worker.adapters.memory import MemoryTable
from worker.control import Control
from worker.control_records import Action, ControlRecord, Forget, Rule, control_key, rule_faults, rule_key, user_key
from worker.events import Reject
from worker.settings import EventSettings

NOW_MS = 1_700_000_000_000


def read(topic: ControlTopic, now_ms: int = NOW_MS) -> Control:
    control = Control(topic.open())
    control.refresh(now_ms)
    return control


@given(
    rule_id=st.text(min_size=1),
    action=st.sampled_from(list(Action)),
    place=st.integers(1, 100),
    strength=st.floats(1.01, 1000),
    expires_at=st.none() | st.integers(0, 2**53),
    note=st.text(),
)
def test_every_rule_comes_back_as_it_was_written(
    rule_id: str, action: Action, place: int, strength: float, expires_at: int | None, note: str
) -> None:
    written = Rule(rule_id, action, "ed", "i1", "", "u1", place, strength, 5, expires_at, note)
    assert msgspec.json.decode(msgspec.json.encode(written), type=ControlRecord) == written


def test_rules_hold_from_their_record_until_they_expire_or_are_taken_back() -> None:
    topic = ControlTopic()
    control = Control(topic.open())
    assert not control.refresh(NOW_MS).rules
    lasting, short = rule(Action.BLOCK, "a", item_id="i1"), rule(Action.PIN, "b", item_id="i2", expires_at=NOW_MS + 10)
    topic.put(lasting, short)
    assert control.refresh(NOW_MS).rules
    assert list(control.rules) == [lasting, short]
    assert not control.refresh(NOW_MS + 9).rules
    assert control.refresh(NOW_MS + 10).rules
    assert list(control.rules) == [lasting]
    topic.take_back(lasting)
    assert control.refresh(NOW_MS + 10).rules
    assert not list(control.rules)


def test_who_reads_later_finds_the_same() -> None:
    topic = ControlTopic()
    topic.put(rule(Action.BLOCK, "a", item_id="i1"), forget("u1", 5), rule(Action.BLOCK, "a", item_id="i9"))
    topic.put(receipt("u1", 5, 0))
    control = read(topic)
    assert [each.item_id for each in control.rules] == ["i9"]
    assert control.forgets == {"u1": forget("u1", 5)}
    assert control.by_key == {user_key("u1"): forget("u1", 5)}
    assert control.open == {}


def test_a_request_is_open_until_receipts_tell_of_all_partitions() -> None:
    topic = ControlTopic()
    control = read(topic)
    topic.put(forget("u1", 5), receipt("u1", 5, 0, 2, of=3), receipt("u1", 4, 1, of=3, worker="w-1"))
    assert control.refresh(NOW_MS).requests
    assert list(control.open) == ["u1"], "that of w-1 is for an earlier request"
    topic.put(receipt("u1", 5, 1, of=3, worker="w-1"))
    control.refresh(NOW_MS)
    assert not control.open
    progress = control.progress("u1")
    assert progress is not None
    assert (progress.partitions, progress.of_partitions, progress.snapshots_clean_at) == ((0, 1, 2), 3, 10)


def test_a_later_request_begins_anew_and_one_that_a_slow_clock_made_earlier_changes_nothing() -> None:
    topic = ControlTopic()
    control = read(topic)
    topic.put(forget("u1", 5), receipt("u1", 5, 0), forget("u1", 3))
    assert [each.requested_at for each in control.refresh(NOW_MS).forgets] == [5]
    assert not control.open
    topic.put(forget("u1", 7))
    control.refresh(NOW_MS)
    assert list(control.open) == ["u1"]
    topic.take_back(forget("u1", 7))
    assert control.refresh(NOW_MS).requests
    assert not control.open
    assert (control.forgets, control.by_key, control.progress("u1")) == ({}, {}, None)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("rule:a", b"{", Reject.INVALID),
        ("rule:a", b'{"type":"rule"}', Reject.INVALID),
        ("rule:a", b'{"type":"edict","id":"a"}', Reject.INVALID),
        ("rule:b", msgspec.json.encode(rule(Action.BLOCK, "a", item_id="i1")), Reject.INVALID),
        ("rule:a", msgspec.json.encode(rule(Action.BLOCK, "a")), Reject.INVALID),
        ("forget:u", msgspec.json.encode(forget("u", 2**62)), Reject.INVALID),
        ("forget:u", msgspec.json.encode(forget("u", -5)), Reject.INVALID),
        ("forget:", msgspec.json.encode(forget("", 5)), Reject.INVALID),
        ("forget:u", msgspec.json.encode(forget("u", NOW_MS + 10**6)), Reject.INVALID),
        ("receipt:w-0:u", msgspec.json.encode(receipt("u", 2**62, 0)), Reject.INVALID),
        ("receipt:w-0:u", msgspec.json.encode(receipt("u", 5, 0, of=10**9)), Reject.INVALID),
        ("receipt:w-0:u", msgspec.json.encode(receipt("u", 5, 10**9)), Reject.INVALID),
        ("forget:u", b'{"type":"forget","user_id":"u","requested_at":99999999999999999999999}', Reject.INVALID),
        ("rule:a", b'"' + b"x" * 2_000_000 + b'"', Reject.TOO_LARGE),
    ],
)
def test_what_is_no_record_is_rejected_and_the_rest_is_read(key: str, value: bytes, reason: Reject) -> None:
    good = rule(Action.BLOCK, "good", item_id="i1")
    control = Control(MemoryTable({key: value, control_key(good): msgspec.json.encode(good)}))
    news = control.refresh(NOW_MS)
    assert [(each.reason, each.key) for each in news.rejections] == [(reason, key.encode())]
    assert list(control.rules) == [good]


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({}, "item or a category"),
        ({"item_id": "i1", "category": "toys"}, "item or a category"),
        ({"category": "toys", "action": Action.PIN}, "only an item can be pinned"),
        ({"item_id": "i1", "place": 0}, "place is 0"),
        ({"item_id": "i1", "place": 101}, "place is 101"),
        ({"item_id": "i1", "strength": 1.0}, "strength is 1"),
        ({"item_id": "i1", "strength": float("nan")}, "strength is nan"),
        ({"item_id": "i1", "strength": 1e9}, "strength is 1e"),
        ({"item_id": "i" * 200}, "item_id has over 128"),
        ({"item_id": "i1", "user_id": "u\n"}, "user_id holds a control"),
        ({"item_id": "i1", "author": ""}, "author is empty"),
        ({"item_id": "i1", "note": "x" * 1001}, "note has over"),
    ],
)
def test_each_fault_of_a_rule_is_named(fields: dict[str, Any], fault: str) -> None:
    faulty = Rule(**{"id": "a", "action": Action.BLOCK, "author": "ed", **fields})
    found = list(rule_faults(faulty, EventSettings().max_id_characters))
    assert len(found) == 1
    assert fault in found[0]


def test_keys_tell_rules_requests_and_receipts_apart() -> None:
    records = rule(Action.BLOCK, "x"), Forget("x", 1), receipt("x", 1, 0), receipt("x", 1, 0, worker="w-1")
    assert len({control_key(each) for each in records}) == 4
    assert control_key(records[0]) == rule_key("x")


def test_blocks_are_of_items_and_categories_for_everyone_or_for_one_user() -> None:
    topic = ControlTopic()
    topic.put(
        rule(Action.BLOCK, "a", item_id="i1"),
        rule(Action.BLOCK, "b", category="toys", user_id="ann"),
        rule(Action.BURY, "c", item_id="i2"),
        rule(Action.BLOCK, "d", item_id="i3", expires_at=NOW_MS),
    )
    blocks = read(topic).blocks
    assert blocks.has("i1", "")
    assert blocks.has("i1", "", "ann")
    assert blocks.has("i9", "toys", "ann")
    assert not blocks.has("i9", "toys", "ben")
    assert not blocks.has("i9", "", "ann"), "an item without a category is in none"
    assert not any(blocks.has(item, "") for item in ("i2", "i3"))


def test_a_record_that_cannot_be_read_ends_the_rule_whose_place_it_took() -> None:
    good = rule(Action.BLOCK, "a", item_id="i1")
    table = MemoryTable({control_key(good): msgspec.json.encode(good)})
    control = Control(table)
    assert control.refresh(NOW_MS).rules
    table.put(control_key(good), b"{")
    news = control.refresh(NOW_MS)
    assert news.rules
    assert [each.reason for each in news.rejections] == [Reject.INVALID]
    assert not list(control.rules)
