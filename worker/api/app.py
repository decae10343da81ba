"""The application: routes, their gate, and what wraps them all."""

from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any, cast
from urllib.parse import unquote

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
from starlette.types import ASGIApp, Receive, Scope, Send
from typing_extensions import override

from worker.api.answers import JSON
from worker.api.console import files
from worker.api.endpoint import REQUEST_ID, Endpoint, Gate, endpoint, request_id_of
from worker.api.keys import Keys
from worker.api.openapi import document
from worker.api.problems import Refused, problem
from worker.api.route import Handler, Route, Values
from worker.api.routes import ROUTES
from worker.api.service import Service
from worker.prometheus_requests import NO_ROUTE, ApiMetrics
from worker.settings_api import ApiSettings

DOCUMENT_PATH = "/v1/openapi.json"
LEAST_COMPRESSED_BYTES = 1000
CLIENT_HEADERS = ("Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "X-API-Key", "X-Request-Id")


class IdConvertor(StringConvertor):
    """One part of a path, as it was sent: a slash of the id's own is quoted there."""

    regex = "[^/]+"

    @override
    def convert(self, value: str) -> str:
        return unquote(value, errors="replace")


register_url_convertor("id", IdConvertor())


class AsSent:
    """Lets routes see paths as they were sent, where the server has unquoted them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("raw_path")
        await self._app({**scope, "path": path.decode("latin-1")} if path else scope, receive, send)


def application(service: Service, metrics: ApiMetrics) -> Starlette:
    """The API over these services. Raises ConfigurationError when it would be open to everyone."""
    settings = service.settings.api
    gate = Gate(Keys(settings), settings)
    by_path: dict[str, dict[str, Endpoint]] = {}
    console = files.routes() if settings.console else ()
    for route in (*ROUTES, Route("GET", DOCUMENT_PATH, None, "This description", _document()), *console):
        by_path.setdefault(route.path, {})[route.method] = endpoint(route, service, gate, metrics)
    app = Starlette(
        routes=[
            Routed(_pattern(path), _by_method(methods), methods=list(methods)) for path, methods in by_path.items()
        ],
        middleware=_middleware(settings),
        exception_handlers=cast("Any", {HTTPException: _no_route(metrics)}),
    )
    app.router.redirect_slashes = False
    return app


def _by_method(endpoints: dict[str, Endpoint]) -> Endpoint:
    async def answer(request: Request) -> Response:
        return await endpoints["GET" if request.method == "HEAD" else request.method](request)

    return answer


def _middleware(settings: ApiSettings) -> list[Middleware]:
    cors = Middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=sorted({route.method for route in ROUTES}),
        allow_headers=CLIENT_HEADERS,
        expose_headers=["ETag", "Retry-After", "X-Request-Id"],
    )
    others = [Middleware(GZipMiddleware, minimum_size=LEAST_COMPRESSED_BYTES), Middleware(AsSent)]
    return [cors, *others] if settings.cors_origins else others


def _pattern(path: str) -> str:
    return path.replace("_id}", "_id:id}")


def _document() -> Handler:
    content = msgspec.json.encode(document(ROUTES, version("millrace")))

    async def answer(_service: Service, _request: Request, _: Values) -> Response:
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
