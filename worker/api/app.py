"""The application: routes, their gate, and what wraps them all."""

from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Routed

from worker.api.answers import JSON
from worker.api.endpoint import REQUEST_ID, Gate, endpoint, request_id_of
from worker.api.keys import Keys
from worker.api.openapi import document
from worker.api.problems import Refused, problem
from worker.api.routes import ROUTES
from worker.api.service import Service
from worker.prometheus_requests import NO_ROUTE, ApiMetrics
from worker.settings_api import ApiSettings

DOCUMENT_PATH = "/v1/openapi.json"
LEAST_COMPRESSED_BYTES = 1000
CLIENT_HEADERS = ("Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "X-API-Key", "X-Request-Id")


class IdConvertor(StringConvertor):
    """Ids may hold slashes and line ends, which the server has unquoted before it looks for the route."""

    regex = "(?s:.+)"


register_url_convertor("id", IdConvertor())


def application(service: Service, metrics: ApiMetrics) -> Starlette:
    """The API over these services. Raises ConfigurationError when it would be open to everyone."""
    settings = service.settings.api
    gate = Gate(Keys(settings), settings.requests_per_second)
    routes = [
        Routed(_pattern(each.path), endpoint(each, service, gate, metrics), methods=[each.method]) for each in ROUTES
    ]
    faults: dict[Any, Any] = {HTTPException: _no_route(metrics)}
    return Starlette(
        routes=[*routes, Routed(DOCUMENT_PATH, _document())],
        middleware=_middleware(settings),
        exception_handlers=faults,
    )


def _middleware(settings: ApiSettings) -> list[Middleware]:
    cors = Middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=sorted({route.method for route in ROUTES}),
        allow_headers=CLIENT_HEADERS,
        expose_headers=["ETag", "Retry-After", "X-Request-Id"],
    )
    compressed = Middleware(GZipMiddleware, minimum_size=LEAST_COMPRESSED_BYTES)
    return [cors, compressed] if settings.cors_origins else [compressed]


def _pattern(path: str) -> str:
    return path.replace("_id}", "_id:id}")


def _document() -> Callable[[Request], Awaitable[Response]]:
    content = msgspec.json.encode(document(ROUTES, version("millrace")))

    async def answer(_: Request) -> Response:
        return Response(content, media_type=JSON)

    return answer


def _no_route(metrics: ApiMetrics) -> Callable[[Request, HTTPException], Awaitable[Response]]:
    async def answer(request: Request, error: HTTPException) -> Response:
        request_id = request_id_of(request)
        remedy = f"what there is, {DOCUMENT_PATH} says"
        response = problem(Refused(error.status_code, f"{request.method} {request.url.path[:100]}", remedy), request_id)
        response.headers.update({REQUEST_ID: request_id, **(error.headers or {})})
        metrics.observe(NO_ROUTE, "any", error.status_code, 0.0)
        return response

    return answer
