"""Who may do what: keys, scopes, rates, and where no key is needed."""

import itertools
import re
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from tests.support.api import Api, Lists, made_list, made_similar
from tests.support.control import forget
from worker.api.keys import Scope
from worker.api.route import Route
from worker.api.routes import ROUTES
from worker.errors import ConfigurationError, StateError

KEYS = {scope: f"{scope}-key-0123456789" for scope in Scope}
BODIES: dict[str, Any] = {
    "/v1/events": {"user_id": "u", "item_id": "i", "event": "purchase"},
    "/v1/items/{item_id}": {"title": "t"},
    "/api/feedback": [],
    "/v1/review/{item_id}": {"decision": "dismiss", "author": "ed"},
    "/v1/rules": {"action": "block", "item_id": "i", "author": "ed"},
    "/v1/sessions/recommendations": {"history": ["i"]},
}
MAY = {Scope.READ: {Scope.READ, Scope.ADMIN}, Scope.WRITE: {Scope.WRITE, Scope.ADMIN}, Scope.ADMIN: {Scope.ADMIN}}


def guarded(**settings: Any) -> Api:
    keys = {f"api__{scope}_keys": key for scope, key in KEYS.items()}
    others = {"api__host": "0.0.0.0", "api__workers": "http://127.0.0.1:1/metrics"}
    api = Api(Lists(made_list("p")), **{**others, **keys, **settings})
    api.control.put(forget("p", 1))
    api.look()
    api.lists.similar["p"] = made_similar("q")
    return api


def address(route: Route) -> str:
    path = re.sub(r"{\w+}", "p", route.path)
    return f"{path}?once=true" if route.streams else path


def ask(api: Api, route: Route, **headers: str) -> int:
    return api.client.request(route.method, address(route), json=BODIES.get(route.path), headers=headers).status_code


@pytest.mark.parametrize(
    ("route", "scope"), list(itertools.product(ROUTES, Scope)), ids=lambda value: getattr(value, "path", value)
)
def test_a_key_may_do_what_its_scope_says_and_nothing_else(route: Route, scope: Scope) -> None:
    assert route.scope is not None
    expected = route.status if scope in MAY[route.scope] else 403
    assert ask(guarded(), route, Authorization=f"Bearer {KEYS[scope]}") == expected


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
@pytest.mark.parametrize(
    "headers",
    [{}, {"X-API-Key": "read-key-012345678"}, {"Authorization": f"Basic {KEYS[Scope.ADMIN]}"}, {"X-API-Key": "é"}],
)
def test_without_a_valid_key_nothing_is_done(route: Route, headers: dict[str, str]) -> None:
    api = guarded()
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    answer = api.client.request(route.method, address(route), json=BODIES.get(route.path), headers=encoded)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert api.records.written == []


def test_a_key_may_come_in_either_header_and_several_keys_may_be_valid() -> None:
    api = guarded(api__read_keys=f"another-key-12345, {KEYS[Scope.READ]}")
    assert ask(api, ROUTES[0], **{"X-API-Key": "another-key-12345"}) == 200
    assert ask(api, ROUTES[0], authorization=f"bearer {KEYS[Scope.READ]}") == 200


def test_without_keys_only_this_machine_may_ask() -> None:
    assert ask(Api(Lists(made_list("p"))), ROUTES[0]) == 200
    with pytest.raises(ConfigurationError, match="no key is set"):
        Api(Lists(made_list("p")), api__host="0.0.0.0")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 202),
        ({"Origin": "http://localhost"}, 202),
        ({"Origin": "https://shop.example"}, 202),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:8081"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1:8080"}, 202),
        ({"Host": "[::1]:8080"}, 202),
    ],
)
def test_without_keys_no_page_from_elsewhere_may_ask(headers: dict[str, str], status: int) -> None:
    api = Api(Lists(made_list("p")), api__cors_origins="https://shop.example")
    answer = api.client.post("/v1/events", json=BODIES["/v1/events"], headers=headers)
    assert answer.status_code == status
    assert len(api.records.written) == (status == 202)


@pytest.mark.parametrize("key", ["schlüssel-schlüssel", "a key with a few spaces"])
def test_a_key_that_no_header_can_hold_is_refused(key: str) -> None:
    with pytest.raises(ConfigurationError, match="no header can hold it"):
        Api(Lists(None), api__read_keys=key)


def test_a_short_key_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigurationError, match="fewer than 16 characters") as caught:
        Api(Lists(None), api__read_keys="secret-secret")
    assert "secret-secret" not in f"{caught.value}{caught.value.remedy}"


def test_each_key_has_its_own_rate() -> None:
    api = guarded(api__requests_per_second=3)
    statuses = [ask(api, ROUTES[0], **{"X-API-Key": KEYS[Scope.READ]}) for _ in range(8)]
    assert statuses[:3] == [200, 200, 200]
    assert 429 in statuses
    assert ask(api, ROUTES[0], **{"X-API-Key": KEYS[Scope.ADMIN]}) == 200


def test_pages_from_elsewhere_may_ask_where_a_setting_says_so() -> None:
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"}
    closed, opened = guarded(), guarded(api__cors_origins="https://shop.example")
    assert "access-control-allow-origin" not in closed.client.options("/v1/popular", headers=asked).headers
    answer = opened.client.options("/v1/popular", headers=asked)
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    other = opened.client.options("/v1/popular", headers=asked | {"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers


def test_a_request_keeps_its_id_where_that_fits_into_a_log() -> None:
    api = Api(Lists(made_list("p")))
    assert api.client.get("/v1/popular", headers={"X-Request-Id": "abc-1"}).headers["x-request-id"] == "abc-1"
    made = api.client.get("/v1/popular", headers={"X-Request-Id": "two words"}).headers["x-request-id"]
    assert len(made) == 32


def test_requests_are_counted_by_route_and_never_by_user() -> None:
    api = guarded()
    ask(api, ROUTES[0], **{"X-API-Key": KEYS[Scope.READ]})
    api.client.get("/v1/users/secret-user/recommendations")
    assert api.client.get("/nowhere").status_code == 404
    assert api.client.delete("/v1/popular").status_code == 405
    assert set(api.client.post("/v1/items/x").headers["allow"].split(", ")) == {"PUT", "DELETE"}
    text = api.metrics.render().decode()
    assert (
        'millrace_api_requests_total{method="GET",route="/v1/users/{user_id}/recommendations",status="200"} 1.0' in text
    )
    assert 'status="401"' in text
    assert 'millrace_api_requests_total{method="any",route="none",status="404"} 1.0' in text
    assert "secret-user" not in text


def test_what_is_no_list_in_redis_is_told_without_the_user(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    api = Api(Lists(made_list("p")))

    async def read(user_id: str) -> None:
        raise StateError(f"recs:v1:{{{user_id}}}:topk in Redis holds no list")

    monkeypatch.setattr(api.lists, "read", read)
    assert api.client.get("/v1/users/secret-user/recommendations").status_code == 500
    told = capsys.readouterr()
    assert "no list" in told.out + told.err
    assert "secret-user" not in told.out + told.err


def test_a_client_that_hangs_up_is_no_fault_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api(Lists(made_list("p")))

    async def hang_up() -> None:
        raise ClientDisconnect

    monkeypatch.setattr(api.lists, "read_popular", hang_up)
    api.client.get("/v1/popular")
    assert 'status="499"' in api.metrics.render().decode()


def test_what_goes_wrong_in_a_handler_is_a_problem_with_the_request_s_id(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api(Lists(made_list("p")))
    monkeypatch.setattr(api.lists, "read_popular", None)
    answer = api.client.get("/v1/popular", headers={"X-Request-Id": "abc-1"})
    assert answer.status_code == 500
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "abc-1"
    assert "NoneType" not in answer.text
