"""The records of the control topic: rules for lists, users to be forgotten, and receipts that it was done.

Compacted by key, so that what stands there is what holds. A null value takes a rule back.
"""

from collections.abc import Iterator
from enum import StrEnum
from hashlib import blake2b

import msgspec

from worker.event_faults import id_faults

MOST_PLACES = 100
MOST_STRENGTH = 1000.0
MOST_NOTE_CHARACTERS = 1000
MOST_RULES = 10_000
MOST_PARTITIONS = 10_000
MOST_AHEAD_MS = 300_000  # by which clocks may differ


class Action(StrEnum):
    """What a rule does with items."""

    BLOCK = "block"
    """They stand in no list."""
    PIN = "pin"
    """The item stands at a place of lists."""
    BOOST = "boost"
    """They count as so many times likelier."""
    BURY = "bury"
    """They count as so many times less likely."""


class Rule(msgspec.Struct, frozen=True, omit_defaults=True, tag="rule", tag_field="type"):
    """What a person decided about an item, or all items of a category.

    Attributes:
        author: who decided.
        user_id: whose lists alone it is for; "" = everyone's.
        place: of a pin, from 1.
        strength: of `boost` and `bury`: by how much the odds are multiplied or divided.
        created_at, expires_at: UTC milliseconds; None = never.
        note: why, for people.
    """

    id: str
    action: Action
    author: str
    item_id: str = ""
    category: str = ""
    user_id: str = ""
    place: int = 1
    strength: float = 4.0
    created_at: int = 0
    expires_at: int | None = None
    note: str = ""

    def holds(self, now_ms: int) -> bool:
        """Whether it has not expired."""
        return self.expires_at is None or now_ms < self.expires_at


class Forget(msgspec.Struct, frozen=True, omit_defaults=True, tag="forget", tag_field="type"):
    """A user is to be forgotten.

    Attributes:
        requested_at: UTC milliseconds; what the user did later is learned as a new user's.
        author: who asked for it.
    """

    user_id: str
    requested_at: int
    author: str = ""


class Receipt(msgspec.Struct, frozen=True, tag="receipt", tag_field="type"):
    """A user was forgotten, in some partitions.

    Attributes:
        worker: who says so.
        requested_at: of the request, UTC milliseconds.
        partitions: all that the worker knows to hold nothing of the user any more, themselves or in a snapshot.
        of_partitions: how many the topic has.
        snapshots_clean_at: since when, UTC milliseconds.
    """

    user_id: str
    worker: str
    requested_at: int
    partitions: tuple[int, ...]
    of_partitions: int
    snapshots_clean_at: int


ControlRecord = Rule | Forget | Receipt


def control_key(record: ControlRecord) -> str:
    """The key of its record."""
    match record:
        case Rule():
            return rule_key(record.id)
        case Forget():
            return f"forget:{record.user_id}"
        case Receipt():
            return f"receipt:{record.worker}:{record.user_id}"


def user_key(user_id: str) -> int:
    """64 bits that stand for a user where requests are noted."""
    return int.from_bytes(blake2b(user_id.encode(), digest_size=8).digest(), "little")


def rule_key(rule_id: str) -> str:
    """The key of a rule's record."""
    return f"rule:{rule_id}"


def rule_faults(rule: Rule, max_id_characters: int) -> Iterator[str]:
    """Why it is no rule that can be kept."""
    if bool(rule.item_id) == bool(rule.category):
        yield "a rule is about an item or a category: give item_id or category"
    if rule.action is Action.PIN and not rule.item_id:
        yield "only an item can be pinned: give item_id"
    if not 1 <= rule.place <= MOST_PLACES:
        yield f"place is {rule.place}, not from 1 to {MOST_PLACES}"
    if not 1 < rule.strength <= MOST_STRENGTH:
        yield f"strength is {rule.strength:g}, not above 1 and up to {MOST_STRENGTH:g}"
    if len(rule.note) > MOST_NOTE_CHARACTERS:
        yield f"note has over {MOST_NOTE_CHARACTERS} characters"
    names = {"id": rule.id, "author": rule.author}
    names |= {name: text for name in ("item_id", "category", "user_id") if (text := getattr(rule, name))}
    for name, text in names.items():
        yield from id_faults(name, text, max_id_characters)


def request_faults(record: Forget | Receipt, now_ms: int, max_id_characters: int) -> Iterator[str]:
    """Why it is no request to forget, or no receipt, that can be kept."""
    yield from id_faults("user_id", record.user_id, max_id_characters)
    if not 0 <= record.requested_at <= now_ms + MOST_AHEAD_MS:
        yield f"requested_at is {record.requested_at}, no time in milliseconds up to now"
    if isinstance(record, Receipt):
        if not 0 < record.of_partitions <= MOST_PARTITIONS:
            yield f"of_partitions is {record.of_partitions}, not from 1 to {MOST_PARTITIONS}"
        if not all(0 <= partition < MOST_PARTITIONS for partition in record.partitions):
            yield "partitions has what is no partition"
