"""From a route to what the server calls: who asks, how often, with what; and what goes wrong, as a problem."""

import re
import secrets
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from worker.allowance import Allowance
from worker.api.keys import Keys
from worker.api.problems import RETRY_SECONDS, Refused, problem
from worker.api.route import Route
from worker.api.service import Service
from worker.errors import ServiceUnavailable, StateError
from worker.prometheus_requests import ApiMetrics
from worker.settings_api import ApiSettings, is_loopback

REQUEST_ID = "x-request-id"
CLIENT_CLOSED_REQUEST = 499  # as nginx counts it
FIT_REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")

Endpoint = Callable[[Request], Awaitable[Response]]

log = structlog.get_logger(__name__)


class Gate:
    """Lets requests in: by key and scope, and so many a second with each key."""

    def __init__(self, keys: Keys, settings: ApiSettings) -> None:
        self._keys = keys
        self._per_second = settings.requests_per_second
        self._origins = frozenset(settings.cors_origins)
        self._allowances: dict[str, Allowance] = {}

    def admit(self, request: Request, route: Route) -> None:
        """Raises Refused."""
        if route.scope is None:
            return
        key = _key(request)
        if not self._keys.asked_for:
            self._check_local(request)
        else:
            scopes = self._keys.scopes(key)
            if not scopes:
                raise Refused(
                    401, "the request bears no valid key", "send one as Authorization: Bearer KEY, or X-API-Key"
                )
            if route.scope not in scopes:
                raise Refused(403, f"this needs the scope {route.scope}", "use another key")
        if self._per_second and not self._allowance(key).take(time.monotonic()):
            raise Refused(429, f"over {self._per_second:g} requests a second", "ask less often", retry_after_seconds=1)

    def _check_local(self, request: Request) -> None:
        """Where no key is asked for, pages of others that a browser on this machine shows must not ask either.

        Raises Refused: they are told by their Origin, or by a name of theirs that stands for this machine.
        """
        host, origin = request.url.hostname or "", request.headers.get("origin")
        is_own = origin is None or origin in self._origins or urlsplit(origin).netloc == request.url.netloc
        if not (is_own and is_loopback(host)):
            raise Refused(
                403,
                "a page from elsewhere asks, and no key is set",
                "set api.admin_keys, or name it in api.cors_origins",
            )

    def _allowance(self, key: str) -> Allowance:
        """That of a key that is known, or of all who need none."""
        name = key if self._keys.asked_for else ""
        if name not in self._allowances:
            self._allowances[name] = Allowance(self._per_second, time.monotonic())
        return self._allowances[name]


def endpoint(route: Route, service: Service, gate: Gate, metrics: ApiMetrics) -> Endpoint:
    """Answers requests to a route; raises nothing."""

    async def answer(request: Request) -> Response:
        begun = time.perf_counter()
        request_id = request_id_of(request)
        try:
            gate.admit(request, route)
            response = await route.handler(service, request, route.values(request.query_params))
        except ClientDisconnect:  # nobody is there any more to be answered
            response = Response(status_code=CLIENT_CLOSED_REQUEST)
        except Exception as error:  # whatever a handler does wrong, the client gets an answer
            response = problem(_refused(error, request_id), request_id)
        response.headers[REQUEST_ID] = request_id
        metrics.observe(route.path, route.method, response.status_code, time.perf_counter() - begun)
        return response

    return answer


def request_id_of(request: Request) -> str:
    """The client's, where it fits into logs and headers, or a new one."""
    given = request.headers.get(REQUEST_ID, "")
    return given if FIT_REQUEST_ID.fullmatch(given) else secrets.token_hex(16)


def _refused(error: Exception, request_id: str) -> Refused:
    if isinstance(error, Refused):
        return error
    if isinstance(error, ServiceUnavailable):
        log.warning("a service is away", cause=str(error), request_id=request_id)
        # The log alone says where it is: that is nobody's business outside.
        return Refused(503, "what this needs does not answer", "send it again later", retry_after_seconds=RETRY_SECONDS)
    if isinstance(error, StateError):  # its text names the key, and so a user
        log.error("what stands in Redis under a list's key is no list", request_id=request_id)
    else:
        log.error("a request failed", request_id=request_id, exc_info=error)
    return Refused(500, "this failed", "the log has more under the request's id")


def _key(request: Request) -> str:
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    return bearer.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")
