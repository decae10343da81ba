"""Snowplow: enriched events as the Analytics SDKs write them in JSON, with the Snowplow e-commerce action and products.

https://docs.snowplow.io/docs/events/ootb-data/ecommerce-events/
"""

from datetime import datetime

import msgspec

from worker.events import Interaction
from worker.formats.shape import Format, Product, first_id, interactions, ms_from_datetime

KINDS = {
    "product_view": "view_item",
    "list_view": "view_item_list",
    "list_click": "select_item",
    "add_to_cart": "add_to_cart",
    "remove_from_cart": "remove_from_cart",
    "transaction": "purchase",
}

_VENDOR = "com_snowplowanalytics_snowplow_ecommerce"
_ACTION = f"unstruct_event_{_VENDOR}_snowplow_ecommerce_action_1"
_PRODUCTS = f"contexts_{_VENDOR}_product_1"


class Action(msgspec.Struct, frozen=True):
    """The e-commerce action."""

    type: str


class ProductEntity(msgspec.Struct, frozen=True):
    """The product entity."""

    id: str | int
    price: float | None = None
    quantity: float | None = None
    position: int | None = None


class EnrichedEvent(msgspec.Struct, frozen=True):
    """The fields of an enriched event that matter here; one without an action goes by its `event_name`."""

    event_id: str
    user_id: str | None = None
    domain_userid: str | None = None
    network_userid: str | None = None
    domain_sessionid: str | None = None
    event_name: str | None = None
    derived_tstamp: datetime | None = None
    collector_tstamp: datetime | None = None
    action: Action | None = msgspec.field(name=_ACTION, default=None)
    products: tuple[ProductEntity, ...] = msgspec.field(name=_PRODUCTS, default=())


def convert(event: EnrichedEvent) -> list[Interaction]:
    """One interaction for each product entity."""
    name = event.action.type if event.action else event.event_name
    if not name:
        raise ValueError("neither an e-commerce action nor `event_name` is there")
    common = Interaction(
        user_id=first_id(event.user_id, event.domain_userid, event.network_userid),
        item_id="",
        event=KINDS.get(name, name),
        ts=ms_from_datetime(event.derived_tstamp or event.collector_tstamp),
        event_id=event.event_id,
        session_id=event.domain_sessionid,
    )
    products = [Product(str(one.id), one.price, one.quantity, one.position) for one in event.products]
    return interactions(common, products)


SNOWPLOW = Format(EnrichedEvent, convert)
