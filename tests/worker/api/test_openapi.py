"""The description of the API, and that the API keeps to it whatever is asked."""

from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.api import Api, Lists, made_list, made_similar
from worker.api.reference import reference
from worker.api.routes import ROUTES

API = Api(Lists(made_list("p1", "p2"), ann=made_list("a", shares={"next": 1.0}, parts={"next": 0.5})))
API.lists.similar = {"p1": made_similar("p2", "a"), "a": made_similar("p1")}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]

# What goes on without an end is asked in test_streams.py.
STREAMS = [route.path for route in ROUTES if route.streams]
schema = schemathesis.openapi.from_asgi("/v1/openapi.json", API.app).exclude(path=STREAMS)


@schema.parametrize()
@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
def test_every_answer_is_one_that_the_description_has(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate(checks=CHECKS)


def test_every_route_is_described() -> None:
    described = API.client.get("/v1/openapi.json").json()
    operations = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
    assert operations == {(route.method, route.path) for route in ROUTES}
    assert described["openapi"] == "3.1.0"


def test_operations_have_names_of_their_own() -> None:
    paths = API.client.get("/v1/openapi.json").json()["paths"]
    names = [operation["operationId"] for methods in paths.values() for operation in methods.values()]
    assert len(set(names)) == len(ROUTES)


def test_the_page_about_the_api_has_all_routes() -> None:
    assert reference() in (Path(__file__).parents[3] / "docs" / "api.md").read_text("utf-8")
