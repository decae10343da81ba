"""The wire formats, both directions: Interaction and Item in, lists and similar items out, Rejection aside."""

from enum import StrEnum
from typing import Any

import msgspec

KEY_PREFIX = "recs:v1"
POPULAR_KEY = f"{KEY_PREFIX}:popular"


class Interaction(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One event: who did what to which item, when. Flat JSON, version 1, GA4's names.

    Attributes:
        event: the kind, e.g. `view_item` or `purchase`; which kinds exist and what they weigh is a setting.
        ts: UTC milliseconds; absent = the record's timestamp.
        event_id: unique per event; a second event with the same id is a duplicate.
        value: price, rating or another number that belongs to the event.
        quantity: how many.
        request_id: the request whose list led to this event.
        position: place in the list that was shown, from 1.
        context: anything else, kept but not read.
    """

    user_id: str
    item_id: str
    event: str
    ts: int | None = None
    event_id: str | None = None
    value: float | None = None
    quantity: float | None = None
    session_id: str | None = None
    request_id: str | None = None
    position: int | None = None
    context: dict[str, Any] | None = None


class Item(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the catalogue. A record with a null value says that the item is gone.

    Attributes:
        available: false = keep what was learned of it, but do not recommend it.
        price: in the shop's currency.
        author: who made it: an author, a brand, an artist; commas separate several, as they may categories.
        embedding: a vector that says what the item is like, made elsewhere, of an image or a text say.
    """

    item_id: str
    title: str = ""
    category: str = ""
    tags: tuple[str, ...] = ()
    text: str = ""
    price: float | None = None
    available: bool = True
    author: str = ""
    embedding: tuple[float, ...] = ()


EXPLORATION, PINNED = "exploration", "pinned"


class Mover(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of the user's own items, without which an item of the list would be less likely.

    Attributes:
        event: the kind of the user's strongest event with it, where one kind alone has that weight.
        share: by what part of itself the mixture's probability of the listed item would fall without it.
    """

    item: str
    event: str = ""
    share: float = 0.0


class RecentEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of the user's last events.

    Attributes:
        ts: UTC milliseconds, exact for the last event; of those before, each time between two is right to 0.4 %.
        event: as in `Mover`.
    """

    item: str
    ts: int
    event: str = ""


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why an item is in a list.

    Attributes:
        expert: the model that weighed most; or `exploration`; or `pinned`, where no model named the item.
        because: the user's own item behind it, if any.
        propensity: of an explored item, the chance that it came to stand there.
        shares: of the experts in the mixture's probability of the item, in sum 1; those without a share are left out.
        parts: what the ranker's score of the item, a logit, is the sum of.
        moved_by: the user's own items that moved it most, up to three, the strongest first.
        popularity: the item's share of all events over the long run.
        trend: its share lately, over that; above 1 = it rises. From `shares` on, all only with `lists.explanations`.
        rule: id of the rule that pinned or lifted it.
    """

    expert: str
    because: str = ""
    propensity: float | None = None
    shares: dict[str, float] | None = None
    parts: dict[str, float] | None = None
    moved_by: tuple[Mover, ...] = ()
    popularity: float | None = None
    trend: float | None = None
    rule: str = ""


class RecommendationList(msgspec.Struct, frozen=True, omit_defaults=True):
    """The top-k list of one user as it stands in Redis, best first.

    `position` comes first and has a fixed width, so that a script in Redis can compare two lists as text.

    Attributes:
        position: epoch, next offset of the last event behind the list, revision: see `position_text`.
        scores: one an item, comparable only within the list; descending, unless diversity sets the order. An explored
            item has 0.
        model: version of the model that ranked.
        generated_at: UTC milliseconds.
        recent: the user's last events, the last one first; only with `lists.recent_events`.
    """

    position: str
    items: list[str]
    scores: list[float]
    reasons: list[Reason]
    model: str
    generated_at: int
    recent: tuple[RecentEvent, ...] = ()


class SimilarItems(msgspec.Struct, frozen=True):
    """What goes with one item, as it stands in Redis, and how the item fares.

    Attributes:
        items: best first: those that come around the item, then those that the catalogue describes much like it.
        scores: one an item, which descend; comparable between items.
        generated_at: UTC milliseconds.
        popularity: its share of all events over the long run, of those that the worker saw.
        trend: how many times as high its share of the latest events is; above 1 = it rises, 0 = it had no event.
        lists: how many of the lists that the worker published show it among their first 20.
        events: that it had, of those that the worker saw.
        together: how many of `items` come around it; those after are described like it.
    """

    items: list[str]
    scores: list[float]
    model: str
    generated_at: int
    popularity: float
    trend: float
    lists: int
    events: int
    together: int


class Reject(StrEnum):
    """Why a record or an event was not learned from. The values are the `reason` label and DLQ header."""

    UNREADABLE = "unreadable"  # damaged in the log, or compressed in a way that we cannot undo
    NULL_VALUE = "null_value"
    TOO_LARGE = "too_large"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    INVALID = "invalid"  # JSON, but a field is missing or has the wrong type
    UNKNOWN_KIND = "unknown_kind"
    BAD_ID = "bad_id"  # empty, or longer than the limit
    BAD_TIME = "bad_time"  # further in the future or past than any clock explains
    LATE = "late"
    DUPLICATE = "duplicate"
    ROBOT = "robot"
    FORGOTTEN = "forgotten"  # from before its user asked to be forgotten; not kept for a person either


class Rejection(msgspec.Struct, frozen=True):
    """A record, or one event of a record, that was turned away, with where it came from and why.

    Attributes:
        detail: one line for a person: which field, which limit.
        value: the bytes of the record (or of the one line in it); None for a null value.
        trace: the record's headers of W3C Trace Context.
    """

    reason: Reject
    detail: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    trace: tuple[tuple[str, bytes], ...] = ()


def position_text(epoch: int, offset: int, revision: int = 0) -> str:
    """A position as fixed-width text whose order as text is its order: epoch first, then offset, then revision.

    The revision tells lists apart that reflect the same events but, say, another catalogue.
    """
    return f"{epoch:08d}-{offset:015d}-{revision:06d}"


LAST_POSITION = position_text(99_999_999, 10**15 - 1, 999_999)


def list_key(user_id: str, prefix: str = KEY_PREFIX) -> str:
    """The Redis key of a user's list; the braces put one user's keys into one cluster slot."""
    return f"{prefix}:{{{user_id}}}:topk"


def similar_key(item_id: str, prefix: str = KEY_PREFIX) -> str:
    """The Redis key of what goes with an item."""
    return f"{prefix}:item:{{{item_id}}}:similar"


def popular_key(prefix: str) -> str:
    """The Redis key of the fallback list."""
    return f"{prefix}:popular"


def mark_key(prefix: str) -> str:
    """The Redis key by whose absence workers notice that all lists are lost."""
    return f"{prefix}:mark"
