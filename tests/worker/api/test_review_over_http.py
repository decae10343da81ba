"""The review queue over HTTP."""

import json
from typing import Any

import msgspec
import pytest

from tests.support.api import Api, Lists, made_list
from worker.review_records import Report, review_key


@pytest.fixture
def api() -> Api:
    api = Api(Lists(made_list("p")), items={"tea": b'{"item_id":"tea","title":"Earl Grey"}'})
    for user in "ab":
        report = Report("tea", user, 7)
        api.review.put(review_key(report), msgspec.json.encode(report))
    api.look()
    return api


def test_what_waits_is_listed_with_titles(api: Api) -> None:
    (item,) = api.client.get("/v1/review").json()["items"]
    assert item == {"item_id": "tea", "reports": 2, "first_at": 7, "last_at": 7, "title": "Earl Grey"}


def test_a_decision_is_written_and_a_block_becomes_a_rule(api: Api) -> None:
    answer = api.client.post("/v1/review/tea", json={"decision": "block", "author": "ed", "note": "hot"})
    assert answer.status_code == 201
    assert answer.json()["rule"]["action"] == "block"
    written = [(topic, key, json.loads(value or b"null")) for topic, key, value in api.records.written]
    assert [topic for topic, _, _ in written] == ["audit", "control", "review"]
    assert written[0][2]["author"] == "ed"
    assert written[1][2] == answer.json()["rule"]
    assert written[2][2]["decision"] == "block"
    for topic, key, value in written:
        if topic == "review":
            api.review.put(key, json.dumps(value).encode())
    api.look()
    assert api.client.get("/v1/review").json() == {"items": []}


def test_what_is_dismissed_leaves_no_rule(api: Api) -> None:
    answer = api.client.post("/v1/review/tea", json={"decision": "dismiss", "author": "ed"})
    assert answer.json() == {"decision": "dismiss", "rule": None}
    assert [topic for topic, _, _ in api.records.written] == ["audit", "review"]


@pytest.mark.parametrize(
    "body",
    [
        {"decision": "praise", "author": "ed"},
        {"decision": "block", "author": ""},
        {"decision": "bury", "author": "ed", "strength": 1},
        {"decision": "block", "author": "ed", "note": "x" * 1001},
        {"decision": "block", "author": "ed", "more": 1},
    ],
)
def test_a_faulty_decision_is_refused_and_nothing_is_written(api: Api, body: dict[str, Any]) -> None:
    assert api.client.post("/v1/review/tea", json=body).status_code == 422
    assert api.records.written == []
