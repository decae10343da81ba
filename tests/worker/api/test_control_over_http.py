"""Rules and requests to forget, over HTTP: what is written for workers, and what is noted of who decided it."""

import json
import time
from typing import Any

import msgspec
import pytest

from tests.support.api import GENERATED_AT, Api, Lists, made_list, made_similar
from tests.support.control import forget, receipt, rule
from worker.control_records import Action, ControlRecord, Forget, Rule

BLOCK = {"action": "block", "item_id": "i1", "author": "ed"}


@pytest.fixture
def api() -> Api:
    return Api(Lists(made_list("p")))


def written(api: Api, topic: str) -> list[tuple[str, Any]]:
    """Keys and values."""
    return [(key, value and json.loads(value)) for where, key, value in api.records.written if where == topic]


def test_a_rule_is_written_to_the_control_topic_and_noted_in_the_audit_topic(api: Api) -> None:
    answer = api.client.post("/v1/rules", json=BLOCK | {"note": "recalled", "expires_at": 10**13})
    assert answer.status_code == 201
    made = answer.json()
    ((key, value),) = written(api, "control")
    assert key == f"rule:{made['id']}"
    assert value == made
    kept = msgspec.convert(value, ControlRecord)
    assert isinstance(kept, Rule)
    assert (kept.action, kept.item_id, kept.note, kept.expires_at) == (Action.BLOCK, "i1", "recalled", 10**13)
    assert abs(kept.created_at - time.time() * 1000) < 60_000
    ((_, noted),) = written(api, "audit")
    assert (noted["what"], noted["author"], noted["about"]) == ("rule", "ed", made)
    assert [topic for topic, *_ in api.records.written] == ["audit", "control"], "first who, then what"


def test_a_rule_under_the_id_of_another_takes_its_place(api: Api) -> None:
    assert api.client.post("/v1/rules", json=BLOCK | {"id": "mine"}).json()["id"] == "mine"
    assert [key for key, _ in written(api, "control")] == ["rule:mine"]


def test_rules_that_hold_are_listed_and_one_that_is_taken_back_leaves_a_null(api: Api) -> None:
    api.control.put(rule(Action.BLOCK, "a", item_id="i1"), rule(Action.BURY, "b", category="toys", expires_at=1))
    api.look()
    assert [each["id"] for each in api.client.get("/v1/rules").json()["rules"]] == ["a"]
    assert api.client.delete("/v1/rules/a?author=eve").status_code == 204
    assert written(api, "control") == [("rule:a", None)]
    ((_, noted),) = written(api, "audit")
    assert (noted["what"], noted["author"], noted["about"]) == ("rule taken back", "eve", "a")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"action": "block", "author": "ed"}, "item or a category"),
        (BLOCK | {"category": "toys"}, "item or a category"),
        (BLOCK | {"author": ""}, "author is empty"),
        (BLOCK | {"expires_at": 1}, "expires_at has passed"),
        (BLOCK | {"strength": 0}, "strength is 0"),
        (BLOCK | {"action": "praise"}, "not as it must be"),
        (BLOCK | {"item": "x"}, "not as it must be"),
        ({"action": "pin", "category": "toys", "author": "ed"}, "only an item can be pinned"),
    ],
)
def test_a_faulty_rule_is_refused_with_its_fault_and_nothing_is_written(
    api: Api, body: dict[str, Any], detail: str
) -> None:
    answer = api.client.post("/v1/rules", json=body)
    assert answer.status_code == 422
    assert detail in answer.json()["detail"]
    assert api.records.written == []


def test_a_user_who_is_deleted_is_asked_to_be_forgotten_and_the_audit_names_no_user(api: Api) -> None:
    answer = api.client.delete("/v1/users/ann?author=support")
    assert answer.status_code == 202
    ((key, value),) = written(api, "control")
    assert key == "forget:ann"
    asked = msgspec.convert(value, ControlRecord)
    assert isinstance(asked, Forget)
    assert (asked.user_id, asked.requested_at, asked.author) == ("ann", answer.json()["requested_at"], "support")
    ((_, noted),) = written(api, "audit")
    assert (noted["what"], noted["author"]) == ("user forgotten", "support")
    assert "ann" not in json.dumps(noted)


def test_who_asks_is_told_how_far_a_user_is_forgotten(api: Api) -> None:
    assert api.client.get("/v1/users/ann/forgetting").status_code == 404
    api.control.put(forget("ann", GENERATED_AT))
    api.look()
    first = {"requested_at": GENERATED_AT, "is_done": False, "partitions_done": 0, "partitions": 0}
    assert api.client.get("/v1/users/ann/forgetting").json() == first | {"snapshots_clean_at": None}
    api.control.put(receipt("ann", GENERATED_AT, 1, of=2))
    api.look()
    assert api.client.get("/v1/users/ann/forgetting").json()["partitions_done"] == 1
    api.control.put(receipt("ann", GENERATED_AT, 0, 1, of=2))
    api.look()
    found = api.client.get("/v1/users/ann/forgetting").json()
    assert found["is_done"]
    assert found["snapshots_clean_at"] == GENERATED_AT + 5


def test_a_list_from_before_its_user_was_to_be_forgotten_is_not_answered_with() -> None:
    api = Api(Lists(made_list("p"), ann=made_list("a"), ben=made_list("b")))
    api.control.put(forget("ann", GENERATED_AT), forget("ben", GENERATED_AT - 1))
    api.look()
    sources = {user: api.client.get(f"/v1/users/{user}/recommendations").json()["source"] for user in ("ann", "ben")}
    assert sources == {"ann": "popular", "ben": "personal"}
    assert api.client.get("/api/recommend/ann").json() == ["p"]


@pytest.mark.parametrize(
    ("method", "address", "body"), [("POST", "/v1/rules", BLOCK), ("DELETE", "/v1/users/ann", None)]
)
def test_with_kafka_away_nothing_is_decided(api: Api, method: str, address: str, body: dict[str, str] | None) -> None:
    api.records.available = False
    answer = api.client.request(method, address, json=body)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


def test_what_is_blocked_is_in_no_answer_before_workers_have_made_other_lists() -> None:
    items = {"b": b'{"item_id":"b","category":"toys"}'}
    api = Api(Lists(made_list("p", "b", "c"), ann=made_list("a", "b", "c")), items=items)
    api.lists.similar["x"] = made_similar("a", "b", "c")
    api.control.put(
        rule(Action.BLOCK, "1", category="toys"),
        rule(Action.BLOCK, "2", item_id="a", user_id="ann"),
        rule(Action.BLOCK, "3", item_id="c", expires_at=GENERATED_AT),
    )
    api.look()

    def found(address: str, **body: Any) -> list[str]:
        answer = api.client.post(address, json=body) if body else api.client.get(address)
        return [item["item_id"] for item in answer.json()["items"]]

    assert found("/v1/users/ann/recommendations") == ["c"]
    assert found("/v1/popular") == ["p", "c"]
    assert found("/v1/items/x/similar") == ["a", "c"]
    assert found("/v1/sessions/recommendations", history=["x"])[:2] == ["a", "c"]
    assert api.client.get("/api/recommend/ann").json() == ["c"]
