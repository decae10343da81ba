import msgspec
import pytest

from tests.support.records import only
from worker.events import Interaction
from worker.formats.ga4 import Record, convert


def read(document: object) -> list[Interaction]:
    return convert(msgspec.json.decode(msgspec.json.encode(document), type=Record))


def test_a_purchase_by_the_measurement_protocol_is_one_interaction_for_each_item() -> None:
    request = {
        "client_id": "1187.4402",
        "user_id": "customer-17",
        "timestamp_micros": "1700000000123456",
        "non_personalized_ads": False,
        "events": [
            {
                "name": "purchase",
                "params": {
                    "currency": "EUR",
                    "transaction_id": "order-9",
                    "value": 49.5,
                    "session_id": 1700000000,
                    "items": [
                        {"item_id": "sku-1", "item_name": "Kettle", "price": 39.5, "quantity": 1, "index": 0},
                        {"item_id": "sku-2", "item_name": "Cup", "price": 5, "quantity": 2, "index": 1},
                    ],
                },
            }
        ],
    }
    kettle, cup = read(request)
    assert kettle == Interaction(
        "customer-17", "sku-1", "purchase", 1_700_000_000_123, None, 39.5, 1, "1700000000", position=0
    )
    assert (cup.item_id, cup.value, cup.quantity, cup.position) == ("sku-2", 5, 2, 1)


def test_a_request_with_several_events_keeps_their_order_and_own_times() -> None:
    request = {
        "client_id": "c",
        "timestamp_micros": 1_700_000_000_000_000,
        "events": [
            {"name": "view_item", "params": {"items": [{"item_id": "a"}]}},
            {
                "name": "add_to_cart",
                "timestamp_micros": 1_700_000_005_000_000,
                "params": {"items": [{"item_name": "B"}]},
            },
            {"name": "tutorial_begin"},
        ],
    }
    view, cart, other = read(request)
    assert (view.user_id, view.event, view.ts) == ("c", "view_item", 1_700_000_000_000)
    assert (cart.item_id, cart.event, cart.ts) == ("B", "add_to_cart", 1_700_000_005_000)
    assert (other.item_id, other.event) == ("", "tutorial_begin")


def test_a_row_of_the_bigquery_export_has_its_numbers_as_text() -> None:
    row = {
        "event_date": "20231114",
        "event_timestamp": "1700000000123456",
        "event_name": "view_item",
        "event_params": [{"key": "page_location", "value": {"string_value": "https://shop.example/kettle"}}],
        "user_id": None,
        "user_pseudo_id": "1187.4402",
        "items": [{"item_id": "sku-1", "item_name": "Kettle", "price": 39.5, "quantity": "1"}],
    }
    view = only(read(row))
    assert view == Interaction("1187.4402", "sku-1", "view_item", 1_700_000_000_123, None, 39.5, 1)


@pytest.mark.parametrize(
    "document",
    [
        {"client_id": "c"},
        {"client_id": "c", "events": []},
        {"events": [{"name": "view_item"}]},
        {"client_id": "c", "event_name": "view_item", "event_timestamp": "soon"},
        {"client_id": "c", "event_name": "view_item", "items": [{"item_id": "a", "quantity": "many"}]},
    ],
)
def test_what_makes_no_sense_is_refused(document: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(document)
