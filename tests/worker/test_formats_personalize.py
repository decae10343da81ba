from typing import Any

import msgspec
import pytest

from tests.support.records import only
from worker.events import Interaction
from worker.formats.personalize import Record, convert


def read(document: Any) -> list[Interaction]:
    return convert(msgspec.json.decode(msgspec.json.encode(document), type=Record))


def request(*events: dict[str, Any], **changes: Any) -> dict[str, Any]:
    common = {"trackingId": "t-1", "sessionId": "s-4", "userId": "customer-17"}
    return common | {"eventList": events} | changes


def test_put_events_is_one_interaction_for_each_event() -> None:
    view, purchase = read(
        request(
            {"eventType": "View", "itemId": "p-1", "sentAt": 1_700_000_000, "recommendationId": "r-3"},
            {"eventType": "Purchase", "itemId": "p-2", "sentAt": 1_700_000_000.25, "eventId": "e", "eventValue": 5},
        )
    )
    assert view == Interaction("customer-17", "p-1", "view_item", 1_700_000_000_000, session_id="s-4", request_id="r-3")
    assert purchase == Interaction("customer-17", "p-2", "purchase", 1_700_000_000_250, "e", 5, session_id="s-4")


def test_a_visitor_who_has_not_logged_in_goes_by_the_session() -> None:
    event = {"eventType": "click", "itemId": "p-1", "sentAt": "2023-11-14T22:13:20Z"}
    click = only(read(request(event, userId=None)))
    assert (click.user_id, click.event, click.ts) == ("s-4", "select_item", 1_700_000_000_000)


def test_a_row_of_interactions_has_seconds() -> None:
    row = {"USER_ID": "customer-17", "ITEM_ID": "p-1", "TIMESTAMP": 1_700_000_000, "EVENT_TYPE": "Purchase"}
    assert only(read(row)) == Interaction("customer-17", "p-1", "purchase", 1_700_000_000_000)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("AddToCart", "add_to_cart"), ("add_to_cart", "add_to_cart"), ("Watch", "view_item"), ("Rent", "Rent")],
)
def test_types_are_translated_and_unknown_ones_stay(name: str, kind: str) -> None:
    assert only(read(request({"eventType": name, "sentAt": 1}))).event == kind


@pytest.mark.parametrize(
    "document", [{}, request(), {"USER_ID": "u"}, request({"eventType": "x", "sentAt": 1}, userId=None, sessionId=None)]
)
def test_what_makes_no_sense_is_refused(document: Any) -> None:
    with pytest.raises(ValueError, match="neither"):
        read(document)


def test_seconds_beyond_every_number_are_refused() -> None:
    with pytest.raises(OverflowError):
        read(request({"eventType": "x", "sentAt": 1e308}))
