"""What changes while one looks: the workers' figures, and a user's list."""

import asyncio
import time
from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import TYPE_CHECKING

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from worker.api.answers import answered, tagged
from worker.api.problems import Refused
from worker.api.route import Parameter, Values
from worker.api.sessions import recommended
from worker.api.watch.overview import READ_SECONDS, Overview, OverviewWatch
from worker.api.watch.streams import LOOK_SECONDS, QUIET_SECONDS, SIGN_OF_LIFE, event
from worker.api.wire import Recommendations
from worker.errors import ServiceUnavailable, StateError

if TYPE_CHECKING:
    from worker.api.service import Service

ONCE = Parameter("once", bool, "Whether to answer once, in JSON, and end.", default=False)


class FollowedList(msgspec.Struct, frozen=True):
    """A user's list as it stands.

    Attributes:
        at: when it was read, in UTC milliseconds.
    """

    at: int
    list: Recommendations


class Gone(msgspec.Struct, frozen=True):
    """Why there is nothing to show for now."""

    detail: str


class About(msgspec.Struct, frozen=True):
    """What the console has to know of this server.

    Attributes:
        kinds: of events that may be posted, and what they weigh.
        writable: whether anything can be posted: whether a Kafka is set.
        workers: how many have an address in `api.workers`.
    """

    version: str
    kinds: dict[str, float]
    writable: bool
    workers: int


async def about(service: "Service", request: Request, _: Values) -> Response:
    """What this server is and can."""
    settings = service.settings
    kinds = dict(settings.events.kinds)
    return tagged(request, About(version("millrace"), kinds, service.records is not None, len(settings.api.workers)))


async def overview(service: "Service", request: Request, values: Values) -> Response:
    """The workers' figures, every second."""
    if not service.settings.api.workers:
        raise Refused(501, "no worker's address is set here", "set MILLRACE_API__WORKERS for `millrace serve`")
    if values["once"]:
        return answered(200, await _read_twice(service.watch))
    return service.streams.answer(request, _overviews(service))


async def _read_twice(watch: OverviewWatch) -> Overview:
    """Rates need two readings; where somebody watches, the last one is good."""
    if watch.latest is None:
        await watch.read()
        await asyncio.sleep(READ_SECONDS)
    return await watch.read()


async def _overviews(service: "Service") -> AsyncIterator[str]:
    shown: Overview | None = None
    with service.watch.watched():
        yield event("history", list(service.watch.history))
        while await service.streams.next_look():
            latest = service.watch.latest
            if latest is not None and latest is not shown:
                shown = latest
                yield event("overview", latest)


async def follow(service: "Service", request: Request, values: Values) -> Response:
    """The user's list, and each that comes after it."""
    first = FollowedList(_now_ms(), await recommended(service, request, values))
    if values["once"]:
        return answered(200, first)
    return service.streams.answer(request, _lists(service, request, first, values))


async def _lists(service: "Service", request: Request, first: FollowedList, values: Values) -> AsyncIterator[str]:
    shown: Recommendations | None = first.list
    quiet_looks = 0
    yield event("list", first)
    while await service.streams.next_look():
        try:
            found = await recommended(service, request, values)
        except (Refused, ServiceUnavailable, StateError):
            if shown is not None:
                yield event("gone", Gone("lists cannot be read now"))
            shown = None
            continue
        quiet_looks = 0 if found != shown else quiet_looks + 1
        if found != shown:
            shown = found
            yield event("list", FollowedList(_now_ms(), found))
        elif quiet_looks * LOOK_SECONDS > QUIET_SECONDS:
            quiet_looks = 0
            yield SIGN_OF_LIFE


def _now_ms() -> int:
    return round(time.time() * 1000)
