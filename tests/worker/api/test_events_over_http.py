"""POST of events, and items that are put: what is taken, what is refused, and that nothing is taken by halves."""

import time
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.api import Api, Lists, made_list
from worker.adapters.memory_source import MemoryRecord
from worker.events import Interaction, Item
from worker.settings import CleanSettings, EventSettings
from worker.steps.clean import Cleaner
from worker.steps.decode import Decoder

EVENT = {"user_id": "ann", "item_id": "tea", "event": "purchase"}


@pytest.fixture
def api() -> Api:
    return Api(Lists(made_list("p")))


def written(api: Api) -> list[Interaction]:
    return [msgspec.json.decode(value or b"", type=Interaction) for _, _, value in api.records.written]


def test_an_event_is_written_under_its_user_and_acknowledged_with_its_id(api: Api) -> None:
    answer = api.client.post("/v1/events", json=EVENT | {"event_id": "e1"})
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "event_ids": ["e1"]})
    assert [(topic, key) for topic, key, _ in api.records.written] == [("events", "ann")]
    assert written(api) == [Interaction("ann", "tea", "purchase", event_id="e1")]


def test_events_without_an_id_get_one_each(api: Api) -> None:
    ids = api.client.post("/v1/events", json=[EVENT, EVENT]).json()["event_ids"]
    assert len(set(ids)) == 2
    assert [event.event_id for event in written(api)] == ids


def test_a_request_that_is_sent_again_under_the_same_key_has_the_same_ids(api: Api) -> None:
    headers = {"Idempotency-Key": "order-7"}
    first, again = (api.client.post("/v1/events", json=[EVENT, EVENT], headers=headers).json() for _ in range(2))
    assert first == again == {"accepted": 2, "event_ids": ["order-7:0", "order-7:1"]}


def test_one_faulty_event_and_none_is_taken(api: Api) -> None:
    answer = api.client.post("/v1/events", json=[EVENT, EVENT | {"item_id": ""}, EVENT | {"event": "x"}])
    assert answer.status_code == 422
    assert [(each["index"], each["reason"]) for each in answer.json()["events"]] == [(1, "bad_id"), (2, "unknown_kind")]
    assert api.records.written == []


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[[]]", b'"x"', b"\xff", b'{"user_id": 1}', b"[" * 100_000, b'{"user_id":"\\ud800"}']
)
def test_a_body_of_another_form_is_refused(api: Api, body: bytes) -> None:
    answer = api.client.post("/v1/events", content=body)
    assert (answer.status_code, api.records.written) == (422, [])
    assert answer.headers["content-type"] == "application/problem+json"


def test_more_events_or_bytes_than_allowed_are_refused(api: Api) -> None:
    assert api.client.post("/v1/events", json=[EVENT] * 1001).status_code == 413
    assert api.client.post("/v1/events", content=b" " * 1_000_001).status_code == 413
    assert api.records.written == []
    assert api.client.post("/v1/events", json=[EVENT] * 1000).json()["accepted"] == 1000


def test_seconds_where_milliseconds_belong_are_noticed(api: Api) -> None:
    answer = api.client.post("/v1/events", json=EVENT | {"ts": round(time.time())})
    assert (answer.status_code, answer.json()["events"][0]["reason"]) == (422, "bad_time")
    assert "milliseconds" in answer.json()["events"][0]["detail"]


def test_a_record_that_kafka_would_refuse_is_not_sent(api: Api) -> None:
    large = EVENT | {"context": {"a": "x" * 999_900}}
    assert api.client.post("/v1/events", json=large).status_code == 413
    widened = {"embedding": [1] * 400_000}  # each of them is written as 1.0
    assert api.client.put("/v1/items/tea", json=widened).status_code == 413
    assert api.records.written == []


def test_a_key_of_a_request_has_a_bound(api: Api) -> None:
    headers = {"Idempotency-Key": "k" * 129}
    assert api.client.post("/v1/events", json=EVENT, headers=headers).status_code == 400


def test_while_kafka_is_away_nothing_is_acknowledged(api: Api) -> None:
    api.records.available = False
    answer = api.client.post("/v1/events", json=EVENT)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert "secret-host" not in answer.text


def test_where_workers_read_another_form_of_events_none_is_written() -> None:
    api = Api(Lists(made_list("p")), events__format="ga4")
    assert api.client.post("/v1/events", json=EVENT).status_code == 501


IDS = st.text(max_size=140) | st.sampled_from(["", "a", "\x7f", "\n"])
NOW_MS = round(time.time() * 1000)
TIMES = st.none() | st.integers(-(2**60), 2**60) | st.integers(0, 253_402_300_799_999) | st.integers(0, NOW_MS)


@given(user=IDS, item=IDS, kind=st.sampled_from(["purchase", "view_item", "x", ""]), ts=TIMES)
def test_what_is_accepted_is_what_the_worker_accepts(user: str, item: str, kind: str, ts: int | None) -> None:
    event: dict[str, Any] = {"user_id": user, "item_id": item, "event": kind} | ({} if ts is None else {"ts": ts})
    accepted = Api(Lists(made_list("p"))).client.post("/v1/events", json=event).status_code == 202
    record = MemoryRecord(0, round(time.time() * 1000), None, msgspec.json.encode(event))
    cleaned = Cleaner(CleanSettings()).clean(Decoder(EventSettings()).decode(0, [record]))
    assert accepted == (not cleaned.rejected)


def test_an_item_that_is_put_stands_in_the_catalogue_under_the_id_in_the_address(api: Api) -> None:
    answer = api.client.put("/v1/items/tea%2Fgreen", json={"title": "Green tea", "price": 3.5})
    assert (answer.status_code, answer.content) == (204, b"")
    [(topic, key, value)] = api.records.written
    assert (topic, key) == ("items", "tea/green")
    assert msgspec.json.decode(value or b"", type=Item) == Item("tea/green", "Green tea", price=3.5)


def test_an_item_may_have_each_id_that_events_may_have(api: Api) -> None:
    for item_id in ("a b", "a\u00a0b", "a\u200db", "a/b", "é"):
        assert api.client.put(f"/v1/items/{quote(item_id, safe='')}", json={}).status_code == 204
        assert api.records.written[-1][1] == item_id


def test_an_item_that_is_deleted_is_gone_from_the_catalogue(api: Api) -> None:
    assert api.client.delete("/v1/items/tea").status_code == 204
    assert api.records.written == [("items", "tea", None)]


@pytest.mark.parametrize(
    ("address", "body"), [("tea", {"item_id": "mug"}), ("x" * 129, {}), ("%0A", {}), ("tea", {"price": "a"})]
)
def test_an_item_that_cannot_be_is_refused(api: Api, address: str, body: dict[str, Any]) -> None:
    assert api.client.put(f"/v1/items/{address}", json=body).status_code == 422
    assert api.records.written == []


def test_gorse_s_two_routes_answer_as_its_clients_expect(api: Api) -> None:
    api.lists.own["bob"] = made_list("a", "b", "c")
    assert api.client.get("/api/recommend/bob?n=2").json() == ["a", "b"]
    assert api.client.get("/api/recommend/bob?n=2&offset=2").json() == ["c"]
    assert api.client.get("/api/recommend/nobody?n=2").json() == ["p"]
    liked = {"FeedbackType": "like", "UserId": "bob", "ItemId": "a", "Timestamp": "2026-01-31T12:00:00Z"}
    assert api.client.post("/api/feedback", json=[liked]).json() == {"RowAffected": 1}
    [event] = written(api)
    assert (event.user_id, event.item_id, event.event, event.ts) == ("bob", "a", "like", 1_769_860_800_000)
    api.client.post("/api/feedback", json=[liked])
    assert written(api)[1] == event, "sent again, it is the same event, and known again by its id"


def test_feedback_without_a_zone_is_in_utc(api: Api) -> None:
    liked = {"FeedbackType": "like", "UserId": "bob", "ItemId": "a", "Timestamp": "2026-01-31T12:00:00"}
    api.client.post("/api/feedback", json=[liked])
    assert written(api)[0].ts == 1_769_860_800_000


def test_feedback_with_a_time_that_is_none_is_refused(api: Api) -> None:
    wrong = {"FeedbackType": "like", "UserId": "bob", "ItemId": "a", "Timestamp": "yesterday"}
    answer = api.client.post("/api/feedback", json=[wrong])
    assert (answer.status_code, api.records.written) == (422, [])
