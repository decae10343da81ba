"""The records of the control topic: rules for lists, users to be forgotten, and receipts that it was done.

Compacted by key, so that what stands there is what holds. A null value takes a rule back.
"""

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from worker.event_faults import id_faults

MOST_PLACES = 100
MOST_STRENGTH = 1000.0
MOST_NOTE_CHARACTERS = 1000


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
    """A user was forgotten, in one partition.

    Attributes:
        requested_at: of the request.
        snapshots_clean_at: from when on no snapshot of the partition held anything of the user, UTC milliseconds.
        worker: whose partition it was.
    """

    user_id: str
    partition: int
    requested_at: int
    snapshots_clean_at: int
    worker: str


ControlRecord = Rule | Forget | Receipt


def control_key(record: ControlRecord) -> str:
    """The key of its record."""
    match record:
        case Rule():
            return rule_key(record.id)
        case Forget():
            return f"forget:{record.user_id}"
        case Receipt():
            return f"receipt:{record.partition}:{record.user_id}"


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
