"""Answers that go on: server-sent events, as many as may be open at once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from worker.api.problems import RETRY_SECONDS, Refused

MEDIA_TYPE = "text/event-stream"
LOOK_SECONDS = 0.25
QUIET_SECONDS = 15.0  # below the idle time of the usual proxies
SIGN_OF_LIFE = ": nothing new\n\n"


class Streams:
    """All streams that are open in this process.

    Attributes:
        open: how many.
        ended: whether they are to end.
    """

    def __init__(self, most: int) -> None:
        self.open = 0
        self.ended = False
        self._most = most

    def end(self) -> None:
        """Lets all streams end, at their next look."""
        self.ended = True

    async def next_look(self) -> bool:
        """Waits a moment; False = it is time to end."""
        await asyncio.sleep(LOOK_SECONDS)
        return not self.ended

    def answer(self, request: Request, events: AsyncIterator[str]) -> Response:
        """These events as an answer. Raises Refused when too many are open."""
        if request.method == "HEAD":
            return Response(media_type=MEDIA_TYPE)
        if self.open >= self._most:
            raise Refused(
                503,
                f"{self.open} pages are kept up to date already",
                "close one, or raise api.max_streams",
                retry_after_seconds=RETRY_SECONDS,
            )
        return _Stream(self, events)


class _Stream(StreamingResponse):
    def __init__(self, streams: Streams, events: AsyncIterator[str]) -> None:
        # What nginx would hold back comes at once.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(events, headers=headers, media_type=MEDIA_TYPE)
        self._streams = streams

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._streams.open += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._streams.open -= 1


def event(kind: str, content: Any) -> str:
    """One event as it goes over the line."""
    return f"event: {kind}\ndata: {msgspec.json.encode(content).decode()}\n\n"
