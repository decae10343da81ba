"""What goes over HTTP, beside the events and items themselves (`worker.events`)."""

from typing import Literal

import msgspec

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
