from typing import Any

import msgspec
import pytest

from tests.support.records import only
from worker.events import Interaction
from worker.formats.google_retail import UserEvent, convert


def read(**changes: Any) -> list[Interaction]:
    event = {
        "eventType": "detail-page-view",
        "visitorId": "v-17",
        "eventTime": "2023-11-14T22:13:20.250000001Z",
        "attributionToken": "token-5",
        "sessionId": "s-4",
        "productDetails": [{"product": {"id": "p-1"}}],
    }
    return convert(msgspec.json.decode(msgspec.json.encode(event | changes), type=UserEvent))


def test_a_detail_page_view_is_a_view() -> None:
    assert only(read()) == Interaction(
        "v-17", "p-1", "view_item", 1_700_000_000_250, session_id="s-4", request_id="token-5"
    )


def test_a_complete_purchase_is_one_purchase_for_each_product() -> None:
    details = [{"product": {"id": "p-1"}, "quantity": 3}, {"product": {"id": "p-2"}, "quantity": 1}]
    one, two = read(
        eventType="purchase-complete",
        userInfo={"userId": "customer-17"},
        productDetails=details,
        purchaseTransaction={"revenue": 45.0, "currencyCode": "EUR"},
    )
    assert (one.user_id, one.event, one.item_id, one.quantity) == ("customer-17", "purchase", "p-1", 3)
    assert (two.item_id, two.quantity) == ("p-2", 1)


@pytest.mark.parametrize(
    ("name", "kind"), [("add-to-cart", "add_to_cart"), ("remove-from-cart", "remove_from_cart"), ("search", "search")]
)
def test_types_are_translated_and_unknown_ones_stay(name: str, kind: str) -> None:
    assert only(read(eventType=name)).event == kind


def test_an_event_without_time_leaves_it_to_the_record() -> None:
    assert only(read(eventTime=None)).ts is None


def test_a_visitor_or_a_user_is_needed() -> None:
    with pytest.raises(ValueError, match="user"):
        read(visitorId="")
