import base64
from typing import Any

import msgspec
import pytest

from tests.support.records import event, line, only
from worker.events import Interaction
from worker.formats.cloudevents import Envelope, convert


def read(**changes: Any) -> list[Interaction]:
    envelope = {
        "specversion": "1.0",
        "type": "example.shop.view",
        "source": "/shop/web",
        "id": "a-17",
        "time": "2023-11-14T22:13:20.250Z",
        "datacontenttype": "application/json",
        "data": event("customer-17", "p-1"),
    }
    return convert(msgspec.json.decode(msgspec.json.encode(envelope | changes), type=Envelope))


def test_id_and_time_of_the_envelope_are_those_of_the_event() -> None:
    assert only(read()) == Interaction("customer-17", "p-1", "view_item", 1_700_000_000_250, "/shop/web#a-17")


def test_what_the_event_says_of_itself_goes_first() -> None:
    inner = only(read(data=event(ts=5, event_id="e", value=2.5)))
    assert (inner.ts, inner.event_id, inner.value) == (5, "e", 2.5)


def test_data_in_base64_is_read_too() -> None:
    assert only(read(data=None, data_base64=base64.b64encode(line("u9")).decode())).user_id == "u9"


@pytest.mark.parametrize(
    "changes",
    [
        {"specversion": "0.3"},
        {"data": None},
        {"data": {"user_id": "u"}},
        {"data": None, "data_base64": "eA=="},
        {"data": None, "data_base64": "?"},
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(**changes)
