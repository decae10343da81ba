"""What goes over HTTP, beside the events and items themselves (`worker.events`)."""

from typing import Annotated, Self

import msgspec
from msgspec import Meta

from worker.control_records import Action, Rule
from worker.events import SimilarItems
from worker.review_records import Decision, Waiting
from worker.session_lists import Source
from worker.shown_lists import ShownEvent, ShownItem

MOST_ITEMS = 100
MOST_EXCLUDED = 1000


class Recommendations(msgspec.Struct, frozen=True, omit_defaults=True):
    """A list of items for a user, best first.

    Attributes:
        source: `personal` = the user's own; `session` = what goes with the recent items that the request names;
            `popular` = what others get.
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


class SessionRequest(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Asks for a list without a user.

    Attributes:
        history: ids of items, oldest first; the last 20 count.
        k: most items in the answer.
        exclude: items that are not wanted; those of the history are not anyway.
        category: only items of this category of the catalogue; "" = of all.
    """

    history: Annotated[list[str], Meta(min_length=1, max_length=MOST_ITEMS)]
    k: Annotated[int, Meta(ge=1, le=MOST_ITEMS)] = 20
    exclude: Annotated[list[str], Meta(max_length=MOST_EXCLUDED)] = []
    category: str = ""


class SessionRecommendations(msgspec.Struct, frozen=True):
    """A list of items for a session, best first.

    Attributes:
        source: `session`, or `popular` where nothing is known of the history.
    """

    source: Source
    model: str
    generated_at: int
    items: list[ShownItem]


class Similar(msgspec.Struct, frozen=True):
    """What goes with an item, best first, and how the item fares.

    Attributes:
        popularity, trend, lists, events: as in `worker.events.SimilarItems`.
    """

    item_id: str
    title: str
    model: str
    generated_at: int
    popularity: float
    trend: float
    lists: int
    events: int
    items: list[ShownItem]

    @classmethod
    def of(cls, item_id: str, found: SimilarItems, items: list[ShownItem], title: str) -> Self:
        """With these of the items that were found."""
        figures = found.popularity, found.trend, found.lists, found.events
        return cls(item_id, title, found.model, found.generated_at, *figures, items)


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
        is_done: whether nothing of the user is left, in no snapshot either.
        partitions_done, partitions: of how many of all partitions of the events topic that is known; 0 = not known yet.
        snapshots_clean_at: since when it is done, UTC milliseconds.
    """

    requested_at: int
    is_done: bool = False
    partitions_done: int = 0
    partitions: int = 0
    snapshots_clean_at: int | None = None


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
