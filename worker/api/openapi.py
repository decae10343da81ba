"""The API's description (OpenAPI 3.1), made from the routes and the types of what goes over them."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from worker.api.answers import JSON
from worker.api.problems import MEDIA_TYPE, TITLES
from worker.api.route import Parameter, Route
from worker.api.watch.streams import MEDIA_TYPE as EVENT_STREAM
from worker.api.wire import Problem

REFERENCE = "#/components/schemas/{name}"
JSON_TYPES = {int: "integer", bool: "boolean", str: "string", list: "array"}
OF_ALL = (400, 500)
OF_KEYS = (401, 403, 429)
SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


def document(routes: Sequence[Route], version: str) -> dict[str, Any]:
    """The whole description."""
    kinds = [kind for route in routes for kind in (route.body, route.answer) if kind is not None]
    schemas, components = msgspec.json.schema_components([*kinds, Problem], ref_template=REFERENCE)
    schema_of = dict(zip(map(repr, [*kinds, Problem]), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Millrace", "version": version, "description": "Lists of recommendations, and events."},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": SECURITY},
    }


def _operation(route: Route, schema_of: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": f"{route.method.lower()}{re.sub(r'[^a-z]+', '_', route.path)}".rstrip("_"),
        "summary": route.summary,
        "parameters": [*_path_parameters(route.path), *map(_query_parameter, route.parameters)],
        "responses": dict(_responses(route, schema_of)),
    }
    if route.body is not None:
        described["requestBody"] = {"required": True, "content": {JSON: {"schema": schema_of[repr(route.body)]}}}
    if route.scope is not None:
        described["security"] = [{name: [route.scope.value]} for name in SECURITY]
    return described


def _path_parameters(path: str) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"\{(\w+)\}", path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _query_parameter(parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": JSON_TYPES[parameter.kind]}
    if parameter.kind is int:
        schema |= {"minimum": parameter.least, "maximum": parameter.most}
    if parameter.choices:
        schema["enum"] = list(parameter.choices)
    if parameter.kind is list:
        schema["items"] = {"type": "string"}
    if parameter.default is not None:
        schema["default"] = parameter.default
    return {"name": parameter.name, "in": "query", "description": parameter.meaning, "schema": schema}


def _responses(route: Route, schema_of: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    done: dict[str, Any] = {"description": "Done"}
    if route.answer is not None:
        done["content"] = {JSON: {"schema": schema_of[repr(route.answer)]}}
    if route.streams:
        done["content"][EVENT_STREAM] = {"schema": {"type": "string"}}
    yield str(route.status), done
    if route.method == "GET" and not route.streams:
        yield "304", {"description": "As the client has it (If-None-Match)"}
    for status in sorted({*OF_ALL, *(OF_KEYS if route.scope else ()), *route.faults}):
        yield (
            str(status),
            {
                "description": TITLES[status],
                "content": {MEDIA_TYPE: {"schema": schema_of[repr(Problem)]}},
            },
        )
