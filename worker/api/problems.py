"""What goes wrong, for clients: problem details (RFC 9457)."""

import math
from collections.abc import Sequence

import msgspec
from starlette.responses import Response

from worker.api.wire import FaultyEvent, Problem

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 2

TITLES = {
    400: "A parameter is wrong",
    401: "No valid key",
    403: "The key may not do that",
    404: "There is nothing here",
    405: "Not by this method",
    413: "The request is too large",
    422: "The body cannot be taken",
    429: "Too many requests",
    500: "The fault is ours",
    501: "Not with these settings",
    503: "A service is away",
}


class Refused(Exception):
    """A request that is answered by a problem."""

    def __init__(
        self,
        status: int,
        detail: str,
        remedy: str = "",
        *,
        events: Sequence[FaultyEvent] = (),
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.remedy = remedy
        self.events = list(events)
        self.retry_after_seconds = retry_after_seconds


def problem(refused: Refused, request_id: str) -> Response:
    """The answer to a request that was refused."""
    status, title = refused.status, TITLES[refused.status]
    kind = f"urn:millrace:problem:{title.lower().replace(' ', '-')}"
    body = Problem(kind, title, status, str(refused), request_id, refused.remedy, refused.events)
    headers = {}
    if refused.retry_after_seconds is not None:
        headers["Retry-After"] = str(math.ceil(refused.retry_after_seconds))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(msgspec.json.encode(body), status, headers, MEDIA_TYPE)
