"""Reads workers' metrics every second, as long as somebody watches."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from math import inf
from urllib.parse import urlsplit

import msgspec

from worker.api.watch.addresses import addresses_of
from worker.api.watch.figures import Figures, Span, figures
from worker.api.watch.readings import Reading, fetched, reading_of
from worker.errors import ServiceUnavailable

READ_SECONDS = 1.0
LOOK_UP_SECONDS = 10.0
WINDOW_SECONDS = 15.0
HISTORY_POINTS = 300

Fetch = Callable[[str], Awaitable[str]]


class WorkerFigures(msgspec.Struct, frozen=True):
    """One worker.

    Attributes:
        away: why its figures are not known now; "" = they are.
    """

    name: str
    away: str
    figures: Figures | None


class Point(msgspec.Struct, frozen=True):
    """All workers in sum, at one moment.

    Attributes:
        at: UTC milliseconds.
        figures: None = no worker answered.
    """

    at: int
    figures: Figures | None


class Overview(msgspec.Struct, frozen=True):
    """How the workers do.

    Attributes:
        at: UTC milliseconds.
        window_seconds: the time that rates and freshness are of.
        workers: one for each host behind the addresses in `api.workers`.
    """

    at: int
    window_seconds: float
    total: Figures | None
    workers: list[WorkerFigures]


async def fetched_apart(address: str) -> str:
    """The page, read on a thread."""
    return await asyncio.to_thread(fetched, address)


class WorkerWatch:
    """The last readings of one worker."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.name = urlsplit(address).netloc.rpartition("@")[2]
        self._readings: deque[Reading] = deque()
        self._away = "not read yet"

    async def read(self, fetch: Fetch) -> None:
        """Notes what its page says now, or that it does not answer."""
        try:
            page = await fetch(self.address)
            self._note(reading_of(page, time.monotonic()))
        except ServiceUnavailable as error:
            self._away = str(error)
        except ValueError:
            self._away = "what stands there are no metrics"

    def span(self) -> Span | None:
        """The oldest and the newest reading of the window; None while it is away."""
        return None if self._away else Span(self._readings[0], self._readings[-1])

    def figures(self) -> WorkerFigures:
        """As of the last reading."""
        span = self.span()
        return WorkerFigures(self.name, self._away, figures([span]) if span else None)

    def _note(self, reading: Reading) -> None:
        if self._readings and Span(self._readings[-1], reading).restarted:
            self._readings.clear()
        self._readings.append(reading)
        while self._readings[0].at_seconds < reading.at_seconds - WINDOW_SECONDS:
            self._readings.popleft()
        self._away = ""


class OverviewWatch:
    """Reads all workers in a task of its own while anyone is inside `watched`.

    Attributes:
        latest: None before the first reading, and while nobody watches.
        history: the last minutes, as far as anyone watched.
    """

    def __init__(self, addresses: tuple[str, ...], fetch: Fetch = fetched_apart) -> None:
        self.latest: Overview | None = None
        self.history: deque[Point] = deque(maxlen=HISTORY_POINTS)
        self._addresses = addresses
        self._workers: dict[str, WorkerWatch] = {}
        self._looked_up_at_seconds = -inf
        self._fetch = fetch
        self._watchers = 0
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """In the block, `latest` is kept up to date."""
        self._watchers += 1
        if self._task is None:
            self.latest = None
            self._task = asyncio.get_running_loop().create_task(self._keep_reading())
        try:
            yield
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._task.cancel()
                self._task = self.latest = None

    async def _keep_reading(self) -> None:
        while True:
            began = time.monotonic()
            self.latest = await self.read()
            self.history.append(Point(self.latest.at, self.latest.total))
            await asyncio.sleep(max(0.1, READ_SECONDS - (time.monotonic() - began)))

    async def read(self) -> Overview:
        """Reads all workers once."""
        await self._look_up()
        workers = list(self._workers.values())
        await asyncio.gather(*(worker.read(self._fetch) for worker in workers))
        spans = [span for worker in workers if (span := worker.span())]
        total, now_ms = figures(spans) if spans else None, round(time.time() * 1000)
        return Overview(now_ms, WINDOW_SECONDS, total, [worker.figures() for worker in workers])

    async def _look_up(self) -> None:
        """Workers come and go behind a name."""
        if time.monotonic() - self._looked_up_at_seconds < LOOK_UP_SECONDS:
            return
        found = [each for address in self._addresses for each in await asyncio.to_thread(addresses_of, address)]
        self._workers = {each: self._workers.get(each) or WorkerWatch(each) for each in found}
        self._looked_up_at_seconds = time.monotonic()
