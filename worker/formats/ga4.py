"""Google Analytics 4: requests of the Measurement Protocol, and rows of the BigQuery export. Its event names are ours.

https://developers.google.com/analytics/devguides/collection/protocol/ga4/reference
https://support.google.com/analytics/answer/7029846
"""

import msgspec

from worker.events import Interaction
from worker.formats.shape import Format, Product, first_id, interactions, ms_from_micros, number


class Item(msgspec.Struct, frozen=True):
    """An entry of `items`; one of id and name is there. BigQuery writes whole numbers as text."""

    item_id: str | int | None = None
    item_name: str | None = None
    price: float | None = None
    quantity: float | str | None = None
    index: int | None = None


class Params(msgspec.Struct, frozen=True):
    """The parameters of an event that matter here."""

    items: tuple[Item, ...] = ()
    session_id: str | int | None = None


class Event(msgspec.Struct, frozen=True):
    """An event of a Measurement Protocol request."""

    name: str
    params: Params = Params()
    timestamp_micros: int | str | None = None


class Record(msgspec.Struct, frozen=True):
    """A Measurement Protocol request (it has `events`) or an exported row (it has `event_name`)."""

    user_id: str | None = None
    client_id: str | None = None
    app_instance_id: str | None = None
    timestamp_micros: int | str | None = None
    events: tuple[Event, ...] | None = None
    user_pseudo_id: str | None = None
    event_name: str | None = None
    event_timestamp: int | str | None = None
    items: tuple[Item, ...] = ()


def convert(record: Record) -> list[Interaction]:
    """The interactions of all events of a request, or of a row."""
    user = first_id(record.user_id, record.client_id, record.app_instance_id, record.user_pseudo_id)
    if record.event_name is not None:
        common = Interaction(user, "", record.event_name, ms_from_micros(record.event_timestamp))
        return interactions(common, _products(record.items))
    if not record.events:
        raise ValueError("neither `events` nor `event_name` is there")
    return [each for event in record.events for each in _of_event(user, event, record.timestamp_micros)]


def _of_event(user: str, event: Event, request_micros: int | str | None) -> list[Interaction]:
    micros = request_micros if event.timestamp_micros is None else event.timestamp_micros
    session = event.params.session_id
    common = Interaction(
        user_id=user,
        item_id="",
        event=event.name,
        ts=ms_from_micros(micros),
        session_id=None if session is None else str(session),
    )
    return interactions(common, _products(event.params.items))


def _products(items: tuple[Item, ...]) -> list[Product]:
    return [
        Product(str(item.item_id or item.item_name or ""), item.price, number(item.quantity), item.index)
        for item in items
    ]


GA4 = Format(Record, convert)
