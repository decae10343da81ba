"""What goes over HTTP, beside the events and items themselves (`worker.events`)."""

from typing import Literal

import msgspec

from worker.control_records import Action, Receipt, Rule
from worker.review import Waiting
from worker.review_records import Decision
from worker.shown_lists import ShownEvent, ShownItem

Source = Literal["personal", "popular"]


class Recommendations(msgspec.Struct, frozen=True, omit_defaults=True):
    """A list of items for a user, best first.

    Attributes:
        source: `personal` = the user's own; `popular` = what users without a list of their own get.
        model: the version that ranked.
        generated_at: when, in UTC milliseconds.
        recent: the user's last events behind it, the last one first; with `explain=true`, where workers publish them
            (`lists.recent_events`).
    """

    user_id: str
    source: Source
    model: str
    generated_at: int
    items: list[ShownItem]
    recent: tuple[ShownEvent, ...] = ()


class Explanation(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why an item stands in a user's list.

    Attributes:
        source: whose list it is, as in `Recommendations`.
        item: with shares, parts, what moved it and a sentence, where workers publish them (`lists.explanations`).
        recent: as in `Recommendations`.
    """

    user_id: str
    source: Source
    model: str
    generated_at: int
    item: ShownItem
    recent: tuple[ShownEvent, ...] = ()


class Popular(msgspec.Struct, frozen=True):
    """The items that most users take, best first."""

    model: str
    generated_at: int
    items: list[ShownItem]


class Accepted(msgspec.Struct, frozen=True):
    """Kafka has these events.

    Attributes:
        event_ids: one an event, in the order of the request: those that it bore, or new ones. Send events again under
            the same ids when it is not known whether they arrived: workers learn from each id once.
    """

    accepted: int
    event_ids: list[str]


class FaultyEvent(msgspec.Struct, frozen=True):
    """Why an event cannot be taken.

    Attributes:
        index: its place in the request, from 0.
        reason: as in the dead-letter topic and the metrics.
    """

    index: int
    reason: str
    detail: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong (RFC 9457, application/problem+json).

    Attributes:
        type: names the kind of problem; stays the same.
        detail: what it was this time.
        remedy: what to do about it.
        events: which events are at fault; nothing of the request was taken then.
    """

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    remedy: str = ""
    events: list[FaultyEvent] = []


class RuleBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule as it is made.

    Attributes:
        item_id, category: what it is about; one of both.
        author: who decides.
        id: of a rule that it takes the place of; "" = a new one.
        user_id: whose lists alone it is for; "" = everyone's.
        place: of `pin`, from 1.
        strength: of `boost` and `bury`: by how much the odds of the item are multiplied or divided.
        expires_at: UTC milliseconds; null = never.
        note: why, for people.
    """

    action: Action
    author: str
    item_id: str = ""
    category: str = ""
    id: str = ""
    user_id: str = ""
    place: int = 1
    strength: float = 4.0
    expires_at: int | None = None
    note: str = ""


class Rules(msgspec.Struct, frozen=True):
    """The rules that hold, the oldest first."""

    rules: list[Rule]


class Forgetting(msgspec.Struct, frozen=True):
    """How far a user is forgotten.

    Attributes:
        requested_at: UTC milliseconds; what the user did later counts as a new user's.
        is_done: whether no snapshot holds anything of the user any more.
        receipts: who says so, by partition.
    """

    requested_at: int
    is_done: bool = False
    receipts: list[Receipt] = []


class ReviewItem(Waiting, frozen=True, omit_defaults=True, kw_only=True):
    """An item that waits for a review, with its title."""

    title: str


class ReviewItems(msgspec.Struct, frozen=True):
    """What nobody has looked at since it was reported or noticed, most reports first."""

    items: list[ReviewItem]


class VerdictBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person decides about an item.

    Attributes:
        author: who decides.
        note: why.
        strength: of `bury`: by how much its odds are divided.
    """

    decision: Decision
    author: str
    note: str = ""
    strength: float = 4.0


class Reviewed(msgspec.Struct, frozen=True):
    """A review, and the rule that came of it, if any."""

    decision: Decision
    rule: Rule | None


class RowsAffected(msgspec.Struct, frozen=True, rename="pascal"):
    """How many records were written: the answer of Gorse to feedback."""

    row_affected: int


class Feedback(msgspec.Struct, frozen=True, rename="pascal"):
    """An event in Gorse's words.

    Attributes:
        feedback_type: the kind of event, one of `events.kinds`.
        timestamp: RFC 3339, or empty = now.
    """

    feedback_type: str
    user_id: str
    item_id: str
    timestamp: str = ""
    comment: str = ""
