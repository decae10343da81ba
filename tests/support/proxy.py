"""A network that fails: a TCP proxy on loopback that cuts, holds back or delays what flows through it."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Self

from worker.embedded.ports import HOST, free_ports

CHUNK_BYTES = 1 << 16
CALL_SECONDS = 10.0


class Proxy:
    """Forwards connections from its own `port` to another port of this machine.

    Attributes:
        port: where it listens.
        connections: that were accepted so far.
    """

    def __init__(self, target_port: int | None = None) -> None:
        """The target may be named later, by `aim`."""
        (self.port,) = free_ports(1)
        self.connections = 0
        self._target_port = target_port
        self._cut = False
        self._delay_seconds = 0.0
        self._flows = asyncio.Event()
        self._flows.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def aim(self, target_port: int) -> None:
        """Names the target."""
        self._target_port = target_port

    @contextmanager
    def cut(self) -> Iterator[None]:
        """In the block connections are reset, and new ones too."""
        self._call(self._break)
        yield
        self._call(lambda: setattr(self, "_cut", False))

    @contextmanager
    def half_open(self) -> Iterator[None]:
        """In the block connections stand, and nothing comes through; what was sent arrives after it."""
        self._call(self._flows.clear)
        yield
        self._call(self._flows.set)

    @contextmanager
    def slow(self, seconds: float) -> Iterator[None]:
        """In the block everything takes so much longer, each way."""
        self._delay_seconds = seconds
        yield
        self._delay_seconds = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(CALL_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(CALL_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CALL_SECONDS)
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accepted, HOST, self.port)

    async def _end(self) -> None:
        self._server.close()
        self._break()
        self._flows.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _break(self) -> None:
        self._cut = True
        for writer in self._writers:
            writer.transport.abort()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            with suppress(OSError):
                await self._join(reader, writer)
        finally:
            writer.transport.abort()
            self._writers.discard(writer)
            self._tasks.discard(task)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut or self._target_port is None:
            return
        there, back = await asyncio.open_connection(HOST, self._target_port)
        self._writers.add(back)
        try:
            ways = [asyncio.create_task(self._pump(reader, back)), asyncio.create_task(self._pump(there, writer))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for writer_of_either in (writer, back):
                writer_of_either.transport.abort()
            await asyncio.gather(*ways, return_exceptions=True)
            self._writers.discard(back)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK_BYTES):
            await asyncio.sleep(self._delay_seconds)
            await self._flows.wait()
            writer.write(data)
            await writer.drain()

    def _call(self, function: Callable[[], object]) -> None:
        async def call() -> None:
            function()

        asyncio.run_coroutine_threadsafe(call(), self._loop).result(CALL_SECONDS)
