"""The HTTP API as a client sees it: how it is reached, what its answers mean, and what goes wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from worker.api.wire import Problem
from worker.client.question import Answer, Question
from worker.errors import ConfigurationError, MillraceError, ServiceUnavailable, StateError

if TYPE_CHECKING:  # an extra
    import httpx

AGAIN_LATER = frozenset({429, 500, 502, 503, 504})
NOT_ALLOWED = frozenset({401, 403})


def http_library() -> Any:
    """The module httpx. Raises ConfigurationError where it is not installed."""
    try:
        import httpx
    except ImportError as error:
        raise ConfigurationError(
            "HTTP needs httpx, which is not installed", "pip install 'millrace[client]', or name Redis alone"
        ) from error
    return httpx


def http_options(url: str, api_key: str | None, timeout_seconds: float) -> dict[str, Any]:
    """Of a client of httpx. Raises ConfigurationError for a bad address."""
    address = http_library().URL(url)
    if address.scheme not in ("http", "https") or not address.host:
        raise ConfigurationError("http_url is no address", "write it like http://localhost:8080")
    headers = {"X-API-Key": api_key} if api_key else {}
    return {"base_url": url, "headers": headers, "timeout": timeout_seconds}


def as_request(question: Question[Any]) -> dict[str, Any]:
    """What `request` of a client of httpx takes."""
    asked = question.http
    headers = {"Content-Type": "application/json"} if asked.body is not None else {}
    parameters = list(asked.parameters) or None
    return {
        "method": asked.method,
        "url": asked.path,
        "params": parameters,
        "content": asked.body,
        "headers": headers,
    }


@contextmanager
def http_errors(url: str) -> Iterator[None]:
    """Raises ServiceUnavailable for what the library raises when no answer comes."""
    try:
        yield
    except http_library().HTTPError as error:
        raise ServiceUnavailable(
            f"the API at {url} did not answer: {error or type(error).__name__}",
            "check that `millrace serve` runs there, and how long it may take",
        ) from error


def answer_of(question: Question[Answer], response: "httpx.Response") -> Answer:
    """What the response says. Raises MillraceError."""
    if response.status_code == 404 and question.http.may_miss:
        return None  # type: ignore[return-value]  # then the answer may be None
    if not response.is_success:
        raise _failure(response)
    try:
        found: Answer = msgspec.json.decode(response.content, type=question.http.answers)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StateError(f"{response.url.host} answers otherwise than Millrace: {error}", "check http_url") from error
    return found


def _failure(response: "httpx.Response") -> MillraceError:
    status = response.status_code
    try:
        problem = msgspec.json.decode(response.content, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        problem = Problem("", "", status, "", "")
    cause = f"the API answers {status}: {problem.detail or response.reason_phrase}"
    faults = "; ".join(f"event {each.index}: {each.detail}" for each in problem.events)
    cause = f"{cause} ({faults})" if faults else cause
    if status in AGAIN_LATER:
        return ServiceUnavailable(cause, problem.remedy or "ask again later")
    if status in NOT_ALLOWED:
        return ConfigurationError(cause, "give an api_key of the scope that this needs")
    return MillraceError(cause, problem.remedy)
