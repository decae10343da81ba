"""The client for threads."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from worker.adapters.redis_client import connect_redis, redis_errors
from worker.client.http_answers import answer_of, as_request, http_errors, http_library, http_options
from worker.client.question import Content, FromRedis, Question
from worker.client.questions import Questions
from worker.client.way import Way, redis_settings
from worker.errors import ServiceUnavailable
from worker.events import KEY_PREFIX

P = ParamSpec("P")
A = TypeVar("A")


def asked(question: Callable[Concatenate[Questions, P], Question[A]]) -> "Callable[Concatenate[Client, P], A]":
    """A method that asks this and returns the answer."""

    @wraps(question)
    def ask(client: "Client", /, *args: P.args, **kwargs: P.kwargs) -> A:
        return client.ask(question(client.questions, *args, **kwargs))

    return ask


class Client:
    """Asks Redis for lists, and the HTTP API where Redis is away, cannot answer or is not named.

    Threads may share one. All methods raise MillraceError with a `remedy`: ServiceUnavailable when it is worth asking
    again, ConfigurationError when an address or a key is wrong.
    """

    def __init__(
        self,
        redis_url: str | None = None,
        http_url: str | None = None,
        *,
        api_key: str | None = None,
        key_prefix: str = KEY_PREFIX,
        timeout_seconds: float = 1.0,
    ) -> None:
        """Connects at the first question, of which each may take so long at each of the two."""
        self.questions = Questions(key_prefix)
        self._way = Way(redis_url, http_url)
        self._url = http_url or ""
        with ExitStack() as opened:
            if redis_url:
                self._redis = connect_redis(redis_settings(redis_url, key_prefix, timeout_seconds))
                opened.enter_context(closing(self._redis))
            if http_url:
                self._http = http_library().Client(**http_options(http_url, api_key, timeout_seconds))
                opened.enter_context(closing(self._http))
            self._opened = opened.pop_all()

    recommendations = asked(Questions.recommendations)
    session = asked(Questions.session)
    popular = asked(Questions.popular)
    similar = asked(Questions.similar)
    explain = asked(Questions.explain)
    send = asked(Questions.send)

    def ask(self, question: Question[A]) -> A:
        """The answer, by Redis or by HTTP."""
        if by_redis := self._way.redis_part(question):
            try:
                contents = self._contents(by_redis)
            except ServiceUnavailable as error:
                self._way.redis_failed(error)
            else:
                return by_redis.answer(contents)
        with http_errors(self._url):
            response = self._http.request(**as_request(question))
        return answer_of(question, response)

    def close(self) -> None:
        """Closes connections."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _contents(self, question: FromRedis[Any]) -> list[Content]:
        with redis_errors(self._redis):
            return list(self._redis.mget(question.keys))
