"""The client for coroutines."""

from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from worker.adapters.redis_client import connect_redis_async, redis_errors
from worker.client.http_answers import answer_of, as_request, http_errors, http_library, http_options
from worker.client.question import Content, FromRedis, Question
from worker.client.questions import Questions
from worker.client.way import Way, redis_settings
from worker.errors import ServiceUnavailable
from worker.events import KEY_PREFIX

P = ParamSpec("P")
A = TypeVar("A")


def asked(
    question: Callable[Concatenate[Questions, P], Question[A]],
) -> "Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, A]]":
    """A method that asks this and returns the answer."""

    @wraps(question)
    async def ask(client: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> A:
        return await client.ask(question(client.questions, *args, **kwargs))

    return ask


class AsyncClient:
    """As `worker.client.Client`, in one event loop."""

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
        self._opened = AsyncExitStack()
        if redis_url:
            self._redis = connect_redis_async(redis_settings(redis_url, key_prefix, timeout_seconds))
            self._opened.push_async_callback(self._redis.aclose)
        if http_url:
            self._http = http_library().AsyncClient(**http_options(http_url, api_key, timeout_seconds))
            self._opened.push_async_callback(self._http.aclose)

    recommendations = asked(Questions.recommendations)
    session = asked(Questions.session)
    popular = asked(Questions.popular)
    similar = asked(Questions.similar)
    explain = asked(Questions.explain)
    send = asked(Questions.send)

    async def ask(self, question: Question[A]) -> A:
        """The answer, by Redis or by HTTP."""
        if by_redis := self._way.redis_part(question):
            try:
                contents = await self._contents(by_redis)
            except ServiceUnavailable as error:
                self._way.redis_failed(error)
            else:
                return by_redis.answer(contents)
        with http_errors(self._url):
            response = await self._http.request(**as_request(question))
        return answer_of(question, response)

    async def close(self) -> None:
        """Closes connections."""
        await self._opened.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _contents(self, question: FromRedis[Any]) -> list[Content]:
        with redis_errors(self._redis):
            return list(await self._redis.mget(question.keys))
