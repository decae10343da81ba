"""What of the clients needs no service."""

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from worker.client import AsyncClient, Client
from worker.client.http_answers import answer_of
from worker.client.questions import Questions
from worker.client.way import Way
from worker.errors import ConfigurationError, MillraceError, ServiceUnavailable, StateError

HEAVY = {"torch", "numba", "numpy", "starlette", "uvicorn", "kafka", "models", "httpx"}


def test_importing_the_client_loads_neither_models_nor_a_server() -> None:
    program = "import sys, worker.client; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "redis" in loaded
    assert set(loaded) & HEAVY == set()


def test_without_httpx_redis_alone_can_be_asked_and_http_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    Client("redis://127.0.0.1:1/0").close()
    with pytest.raises(ConfigurationError) as raised:
        Client(http_url="http://127.0.0.1:1")
    assert "millrace[client]" in raised.value.remedy


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(
    "addresses",
    [
        {},
        {"http_url": "localhost:8080"},
        {"http_url": "ftp://x"},
        {"redis_url": "localhost"},
        {"redis_url": "redis://x", "key_prefix": "{"},
    ],
)
def test_an_address_that_is_none_is_refused(kind: type[Client], addresses: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as raised:
        kind(**addresses)
    assert raised.value.remedy


def test_a_question_that_cannot_be_is_refused_before_it_is_asked() -> None:
    with Client("redis://127.0.0.1:1/0") as client:
        for size in (0, 101):
            with pytest.raises(ConfigurationError, match=f"k is {size}"):
                client.recommendations("ann", size)
        with pytest.raises(ConfigurationError, match="history is empty"):
            client.session([])


def test_after_a_failure_of_redis_http_is_asked_at_once_for_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = [100.0]
    monkeypatch.setattr("worker.client.way.time", SimpleNamespace(monotonic=lambda: seconds[0]))
    way, question = Way("redis://x", "http://x"), Questions("p").popular()
    assert way.redis_part(question) is question.redis
    way.redis_failed(ServiceUnavailable("away"))
    seconds[0] += 0.9
    assert way.redis_part(question) is None
    seconds[0] += 0.2
    assert way.redis_part(question) is question.redis


def test_where_no_http_is_named_redis_is_asked_again_each_time() -> None:
    way, question = Way("redis://x", None), Questions("p").popular()
    with pytest.raises(ServiceUnavailable, match="away"):
        way.redis_failed(ServiceUnavailable("away"))
    assert way.redis_part(question) is question.redis


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (503, b"<html>a proxy's</html>", ServiceUnavailable),
        (429, b"", ServiceUnavailable),
        (403, b"{}", ConfigurationError),
        (404, b'{"detail": 1}', MillraceError),
        (200, b"<html>", StateError),
        (200, b"[]", StateError),
    ],
)
def test_answers_that_are_none_of_ours_have_an_error_of_their_kind(
    status: int, body: bytes, error: type[MillraceError]
) -> None:
    response = httpx.Response(status, content=body, request=httpx.Request("GET", "http://x/v1/popular"))
    with pytest.raises(error) as raised:
        answer_of(Questions("p").popular(), response)
    assert type(raised.value) is error


def test_a_problem_is_told_with_its_remedy() -> None:
    body = b'{"type":"t","title":"t","status":400,"detail":"d","request_id":"r","remedy":"do this"}'
    response = httpx.Response(400, content=body, request=httpx.Request("GET", "http://x/v1/popular"))
    with pytest.raises(MillraceError, match="the API answers 400: d") as raised:
        answer_of(Questions("p").popular(), response)
    assert raised.value.remedy == "do this"
