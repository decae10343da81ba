"""Google Retail (Vertex AI Search for commerce): user events of the API, version 2.

https://cloud.google.com/retail/docs/user-events
"""

from datetime import datetime

import msgspec

from worker.events import Interaction
from worker.formats.shape import Format, Product, first_id, interactions, ms_from_datetime

KINDS = {
    "detail-page-view": "view_item",
    "add-to-cart": "add_to_cart",
    "remove-from-cart": "remove_from_cart",
    "purchase-complete": "purchase",
}


class RetailProduct(msgspec.Struct, frozen=True):
    """The product of a detail; only its id is given in user events."""

    id: str


class ProductDetail(msgspec.Struct, frozen=True):
    """A product with its number."""

    product: RetailProduct
    quantity: float | None = None


class UserInfo(msgspec.Struct, frozen=True, rename="camel"):
    """Who it was, where that is known."""

    user_id: str | None = None


class UserEvent(msgspec.Struct, frozen=True, rename="camel"):
    """A user event."""

    event_type: str
    visitor_id: str | None = None
    session_id: str | None = None
    attribution_token: str | None = None
    event_time: datetime | None = None
    user_info: UserInfo = UserInfo()
    product_details: tuple[ProductDetail, ...] = ()


def convert(event: UserEvent) -> list[Interaction]:
    """One interaction for each product detail."""
    common = Interaction(
        user_id=first_id(event.user_info.user_id, event.visitor_id),
        item_id="",
        event=KINDS.get(event.event_type, event.event_type),
        ts=ms_from_datetime(event.event_time),
        session_id=event.session_id,
        request_id=event.attribution_token,
    )
    products = [Product(detail.product.id, quantity=detail.quantity) for detail in event.product_details]
    return interactions(common, products)


GOOGLE_RETAIL = Format(UserEvent, convert)
