"""Amazon Personalize: PutEvents requests, and rows of an interactions data set as JSON objects.

https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_PutEvents.html
"""

from datetime import datetime

import msgspec

from worker.events import Interaction
from worker.formats.shape import Format, first_id, ms_from_seconds

KINDS = {
    "view": "view_item",
    "watch": "view_item",
    "click": "select_item",
    "addtocart": "add_to_cart",
    "purchase": "purchase",
}

Moment = int | float | datetime


class Event(msgspec.Struct, frozen=True, rename="camel"):
    """An entry of `eventList`; `sentAt` counts seconds."""

    event_type: str
    sent_at: Moment
    item_id: str = ""
    event_id: str | None = None
    event_value: float | None = None
    recommendation_id: str | None = None


class Record(msgspec.Struct, frozen=True, rename="camel"):
    """A PutEvents request (it has `eventList`), or a row of interactions (its names are in capitals)."""

    session_id: str | None = None
    user_id: str | None = None
    event_list: tuple[Event, ...] | None = None
    row_user: str | None = msgspec.field(name="USER_ID", default=None)
    row_item: str | None = msgspec.field(name="ITEM_ID", default=None)
    row_seconds: int | None = msgspec.field(name="TIMESTAMP", default=None)
    row_kind: str = msgspec.field(name="EVENT_TYPE", default="view")
    row_value: float | None = msgspec.field(name="EVENT_VALUE", default=None)


def convert(record: Record) -> list[Interaction]:
    """One interaction for each event of the list, or for the row."""
    if record.event_list:
        user = first_id(record.user_id, record.session_id)
        return [_of_event(user, record.session_id, event) for event in record.event_list]
    if record.row_user is None or record.row_item is None:
        raise ValueError("neither `eventList` nor `USER_ID` and `ITEM_ID` are there")
    seconds = ms_from_seconds(record.row_seconds)
    return [Interaction(record.row_user, record.row_item, _kind(record.row_kind), seconds, value=record.row_value)]


def _of_event(user: str, session_id: str | None, event: Event) -> Interaction:
    return Interaction(
        user_id=user,
        item_id=event.item_id,
        event=_kind(event.event_type),
        ts=ms_from_seconds(event.sent_at),
        event_id=event.event_id,
        value=event.event_value,
        session_id=session_id,
        request_id=event.recommendation_id,
    )


def _kind(name: str) -> str:
    return KINDS.get(name.lower().replace("_", "").replace(" ", ""), name)


PERSONALIZE = Format(Record, convert)
