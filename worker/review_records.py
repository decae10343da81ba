"""The records of the review topic: what a person should look at, and what was decided then.

Compacted: an item has one record for each user who reported it, for each worker whose lists of it look odd, and for
the last review.
"""

from enum import StrEnum

import msgspec


class Report(msgspec.Struct, frozen=True, tag="report", tag_field="type"):
    """A user reported an item.

    Attributes:
        reporter: stands for the user without naming them; the same user reports an item once.
        at: when, UTC milliseconds.
    """

    item_id: str
    reporter: str
    at: int


class Oddity(msgspec.Struct, frozen=True, tag="oddity", tag_field="type"):
    """Lists look odd: they show an item far more often than events ask for it.

    Attributes:
        worker: whose lists.
        share_of_lists: of the published lists, how many show the item, from 0 to 1.
        share_of_events: of the long-run popularity, the item's share, from 0 to 1.
        at: as of when, UTC milliseconds.
    """

    item_id: str
    worker: str
    share_of_lists: float
    share_of_events: float
    at: int


class Decision(StrEnum):
    """What a review comes to."""

    BLOCK = "block"
    BURY = "bury"
    DISMISS = "dismiss"
    """Nothing is done."""


class Review(msgspec.Struct, frozen=True, omit_defaults=True, tag="review", tag_field="type"):
    """A person looked at an item.

    Attributes:
        at: when; what was reported later waits for the next review.
        share_of_lists: in which the item stood then, as far as that looked odd; more will look odd again.
        rule_id: of the rule that came of it; "" = none.
    """

    item_id: str
    decision: Decision
    author: str
    at: int
    rule_id: str = ""
    note: str = ""
    share_of_lists: float = 0.0


class Waiting(msgspec.Struct, frozen=True, omit_defaults=True):
    """An item that waits for a review.

    Attributes:
        reports: how many users reported it.
        first_at, last_at: when it was reported or noticed, UTC milliseconds.
        share_of_lists, share_of_events: where lists look odd, the share of them, and of all events, that has the item.
    """

    item_id: str
    reports: int
    first_at: int
    last_at: int
    share_of_lists: float | None = None
    share_of_events: float | None = None


ReviewRecord = Report | Oddity | Review


def review_key(record: ReviewRecord) -> str:
    """The key of its record."""
    match record:
        case Report():
            return f"report:{record.reporter}:{record.item_id}"
        case Oddity():
            return f"oddity:{record.worker}:{record.item_id}"
        case Review():
            return f"review:{record.item_id}"
