"""Lists for sessions and what goes with an item, over HTTP."""

from typing import Any

import msgspec
import pytest

from tests.support.api import GENERATED_AT, Api, Lists, made_list, made_similar
from worker.events import Item

CATALOGUE: dict[str, bytes | None] = {
    "cup": msgspec.json.encode(Item("cup", "A cup", "kitchen")),
    "spoon": msgspec.json.encode(Item("spoon", "A spoon", "kitchen")),
    "drill": msgspec.json.encode(Item("drill", "A drill", "tools", price=900.0)),
    "sold": msgspec.json.encode(Item("sold", "Sold out", "kitchen", available=False)),
    "gone": None,
    "tea": msgspec.json.encode(Item("tea", "Green tea", "kitchen")),
}


def made_api(**settings: Any) -> Api:
    lists = Lists(made_list("p1", "tea", "p2", "gone"), ann=made_list("own"))
    lists.similar = {"tea": made_similar("sold", "cup", "drill", "gone", "spoon"), "mug": made_similar("cup", "tea")}
    return Api(lists, CATALOGUE, **settings)


@pytest.fixture
def api() -> Api:
    return made_api()


def session(api: Api, *history: str, **others: Any) -> dict[str, Any]:
    answer = api.client.post("/v1/sessions/recommendations", json={"history": history} | others)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ids(answer: dict[str, Any]) -> list[str]:
    return [item["item_id"] for item in answer["items"]]


def test_a_session_gets_what_goes_with_its_items_and_popular_ones_behind(api: Api) -> None:
    answer = session(api, "tea")
    assert (answer["source"], answer["generated_at"]) == ("session", GENERATED_AT)
    assert ids(answer) == ["cup", "drill", "spoon", "p1", "p2"]
    first = answer["items"][0]
    assert (first["expert"], first["because"], first["reason"]) == ("similar", "tea", "goes with Green tea")


def test_of_whom_nothing_is_known_the_popular_list_is_served(api: Api) -> None:
    answer = session(api, "unheard-of")
    assert (answer["source"], ids(answer)) == ("popular", ["p1", "tea", "p2"])


def test_a_session_may_leave_out_items_and_ask_for_a_category_or_a_size(api: Api) -> None:
    assert ids(session(api, "tea", exclude=["cup", "p1"])) == ["drill", "spoon", "p2"]
    assert ids(session(api, "tea", category="tools")) == ["drill"]
    assert ids(session(api, "tea", k=2)) == ["cup", "drill"]


def test_rules_for_lists_hold_for_sessions_and_similar_items() -> None:
    api = made_api(lists__max_price=100, lists__blocked_categories="tools")
    assert "drill" not in ids(session(api, "tea"))
    assert "drill" not in ids(api.client.get("/v1/items/tea/similar").json())


def test_a_user_without_a_list_gets_one_for_the_recent_items(api: Api) -> None:
    address = "/v1/users/{}/recommendations?recent=x&recent=tea&k=2"
    new = api.client.get(address.format("nobody")).json()
    assert (new["source"], ids(new)) == ("session", ["cup", "drill"])
    known = api.client.get(address.format("ann")).json()
    assert (known["source"], ids(known)) == ("personal", ["own"])
    left = api.client.get(address.format("ann") + "&exclude=own").json()
    assert (left["source"], ids(left)) == ("session", ["cup", "drill"])
    stranger = api.client.get("/v1/users/nobody/recommendations?recent=x").json()
    assert (stranger["source"], ids(stranger)) == ("popular", ["p1", "tea", "p2"])


def test_later_items_weigh_more(api: Api) -> None:
    api.lists.similar["drill"] = made_similar("bit")
    assert ids(session(api, "tea", "drill", k=1)) == ["bit"]
    assert ids(session(api, "drill", "mug", k=1)) == ["cup"]


def test_what_goes_with_an_item_is_told_with_how_it_fares(api: Api) -> None:
    answer = api.client.get("/v1/items/tea/similar?k=2").json()
    assert ids(answer) == ["cup", "drill"]
    told = {name: answer[name] for name in ("item_id", "title", "popularity", "trend", "lists", "events")}
    assert told == {
        "item_id": "tea",
        "title": "Green tea",
        "popularity": 0.01,
        "trend": 1.5,
        "lists": 7,
        "events": 30,
    }
    assert ids(api.client.get("/v1/items/tea/similar?exclude=cup&category=kitchen").json()) == ["spoon"]


def test_of_an_item_of_which_nothing_is_known_the_answer_is_404(api: Api) -> None:
    answer = api.client.get("/v1/items/unheard-of/similar")
    assert (answer.status_code, "unheard-of" in answer.json()["detail"]) == (404, True)


def test_what_goes_with_an_item_costs_a_304_where_it_is_known(api: Api) -> None:
    first = api.client.get("/v1/items/tea/similar")
    again = api.client.get("/v1/items/tea/similar", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"history": []},
        {"history": ["x"] * 101},
        {"history": "tea"},
        {"history": ["tea"], "k": 0},
        {"history": ["tea"], "k": 101},
        {"history": ["tea"], "exclude": ["x"] * 1001},
        {"history": ["tea"], "exlude": []},
    ],
)
def test_a_session_that_cannot_be_is_refused(api: Api, body: dict[str, Any]) -> None:
    answer = api.client.post("/v1/sessions/recommendations", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_without_any_list_a_session_is_told_to_wait() -> None:
    answer = Api(Lists(None)).client.post("/v1/sessions/recommendations", json={"history": ["tea"]})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


def test_while_redis_is_away_sessions_and_similar_items_are_too(api: Api) -> None:
    api.lists.available = False
    assert api.client.get("/v1/items/tea/similar").status_code == 503
    assert api.client.post("/v1/sessions/recommendations", json={"history": ["tea"]}).status_code == 503
