from typing import Any

import msgspec
import pytest

from tests.support.records import only
from worker.events import Interaction
from worker.formats.segment import Call, convert


def read(**changes: Any) -> list[Interaction]:
    call = {
        "type": "track",
        "event": "Product Viewed",
        "userId": "customer-17",
        "anonymousId": "b1946ac9-2492",
        "messageId": "ajs-7f3a",
        "timestamp": "2023-11-14T23:13:20.250+01:00",
        "properties": {"product_id": "p-1", "sku": "K-1", "price": 39.5, "quantity": 1, "position": 3},
    }
    return convert(msgspec.json.decode(msgspec.json.encode(call | changes), type=Call))


def test_a_product_viewed_is_a_view() -> None:
    assert only(read()) == Interaction(
        "customer-17", "p-1", "view_item", 1_700_000_000_250, "ajs-7f3a", 39.5, 1, position=3
    )


def test_a_completed_order_is_one_purchase_for_each_product() -> None:
    products = [{"product_id": "p-1", "price": 39.5}, {"sku": 507, "quantity": 2}]
    kettle, cup = read(event="Order Completed", properties={"order_id": "9", "total": 45, "products": products})
    assert (kettle.event, kettle.item_id, kettle.event_id) == ("purchase", "p-1", "ajs-7f3a:1")
    assert (cup.event, cup.item_id, cup.event_id, cup.quantity) == ("purchase", "507", "ajs-7f3a:2", 2)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Product Clicked", "select_item"),
        ("Product Added", "add_to_cart"),
        ("Product Removed", "remove_from_cart"),
        ("Product Added to Wishlist", "like"),
        ("Coupon Entered", "Coupon Entered"),
    ],
)
def test_names_are_translated_and_unknown_ones_stay(name: str, kind: str) -> None:
    assert only(read(event=name)).event == kind


def test_an_anonymous_visitor_goes_by_the_anonymous_id() -> None:
    assert only(read(userId=None)).user_id == "b1946ac9-2492"


def test_other_calls_go_by_their_type() -> None:
    assert only(read(type="identify", event=None)).event == "identify"


def test_a_call_without_anybody_or_name_is_refused() -> None:
    with pytest.raises(ValueError, match="user"):
        read(userId=None, anonymousId=None)
    with pytest.raises(ValueError, match="event"):
        read(event=None)
