"""Segment: track calls with the event names of its e-commerce specification, version 2.

https://segment.com/docs/connections/spec/ecommerce/v2/
"""

from datetime import datetime

import msgspec

from worker.events import Interaction
from worker.formats.shape import Format, Product, first_id, interactions, ms_from_datetime

KINDS = {
    "Product Viewed": "view_item",
    "Product Clicked": "select_item",
    "Product Added": "add_to_cart",
    "Product Removed": "remove_from_cart",
    "Product Added to Wishlist": "like",
    "Product Reviewed": "rate",
    "Product List Viewed": "view_item_list",
    "Order Completed": "purchase",
}


class TrackedProduct(msgspec.Struct, frozen=True):
    """A product, in `products` or in the properties themselves."""

    product_id: str | int | None = None
    sku: str | int | None = None
    price: float | None = None
    quantity: float | None = None
    position: int | None = None


class Properties(TrackedProduct, frozen=True):
    """The properties of a track call that matter here."""

    products: tuple[TrackedProduct, ...] = ()


class Call(msgspec.Struct, frozen=True, rename="camel"):
    """A call of the Segment API; all but `track` calls are events of their own type."""

    type: str = "track"
    event: str | None = None
    user_id: str | int | None = None
    anonymous_id: str | None = None
    message_id: str | None = None
    timestamp: datetime | None = None
    properties: Properties = Properties()


def convert(call: Call) -> list[Interaction]:
    """One interaction for each product of the call."""
    name = call.event if call.type == "track" else call.type
    if not name:
        raise ValueError("a track call without `event`")
    common = Interaction(
        user_id=first_id(call.user_id, call.anonymous_id),
        item_id="",
        event=KINDS.get(name, name),
        ts=ms_from_datetime(call.timestamp),
        event_id=call.message_id,
    )
    return interactions(common, _products(call.properties))


def _products(properties: Properties) -> list[Product]:
    tracked = properties.products or (properties,)
    return [Product(str(one.product_id or one.sku or ""), one.price, one.quantity, one.position) for one in tracked]


SEGMENT = Format(Call, convert)
