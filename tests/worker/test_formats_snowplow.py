from typing import Any

import msgspec
import pytest

from tests.support.records import only
from worker.events import Interaction
from worker.formats.snowplow import EnrichedEvent, convert

ACTION = "unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1"
PRODUCTS = "contexts_com_snowplowanalytics_snowplow_ecommerce_product_1"


def read(**changes: Any) -> list[Interaction]:
    enriched = {
        "app_id": "shop",
        "event": "unstruct",
        "event_name": "snowplow_ecommerce_action",
        "event_id": "0b6e2f6c-77a1",
        "collector_tstamp": "2023-11-14T22:13:25.000Z",
        "derived_tstamp": "2023-11-14T22:13:20.250Z",
        "user_id": None,
        "domain_userid": "d-17",
        "domain_sessionid": "s-4",
        ACTION: {"type": "product_view"},
        PRODUCTS: [{"id": "p-1", "name": "Kettle", "category": "kitchen", "price": 39.5, "currency": "EUR"}],
    }
    return convert(msgspec.json.decode(msgspec.json.encode(enriched | changes), type=EnrichedEvent))


def test_a_product_view_is_a_view() -> None:
    assert only(read()) == Interaction(
        "d-17", "p-1", "view_item", 1_700_000_000_250, "0b6e2f6c-77a1", 39.5, session_id="s-4"
    )


def test_a_transaction_is_one_purchase_for_each_product_entity() -> None:
    products = [{"id": "p-1", "price": 39.5, "quantity": 1}, {"id": 2, "price": 5, "quantity": 2, "position": 4}]
    kettle, cup = read(**{ACTION: {"type": "transaction"}, PRODUCTS: products, "user_id": "customer-17"})
    assert (kettle.user_id, kettle.event, kettle.event_id) == ("customer-17", "purchase", "0b6e2f6c-77a1:1")
    assert (cup.item_id, cup.quantity, cup.position) == ("2", 2, 4)


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("list_click", "select_item"),
        ("list_view", "view_item_list"),
        ("add_to_cart", "add_to_cart"),
        ("remove_from_cart", "remove_from_cart"),
        ("promo_view", "promo_view"),
    ],
)
def test_actions_are_translated_and_unknown_ones_stay(action: str, kind: str) -> None:
    assert only(read(**{ACTION: {"type": action}})).event == kind


def test_other_events_go_by_their_name_and_the_collector_time_stands_in() -> None:
    event = only(read(**{ACTION: None, PRODUCTS: [], "event_name": "page_view", "derived_tstamp": None}))
    assert (event.event, event.item_id, event.ts) == ("page_view", "", 1_700_000_005_000)


def test_an_event_without_anybody_or_name_is_refused() -> None:
    with pytest.raises(ValueError, match="user"):
        read(domain_userid=None)
    with pytest.raises(ValueError, match="event_name"):
        read(**{ACTION: None, "event_name": None})
