"""Watches every write of a list to Valkey, as the server itself tells: none may replace a newer one."""

import re
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import pairwise
from typing import Self
from urllib.parse import urlsplit

LIST_SET = re.compile(
    rb'^\+?([0-9.]+) \[\d+ lua\] "SET" "[^"{]*\{([^}]+)\}:topk" "\{\\"position\\":\\"([0-9-]+)\\"', re.MULTILINE
)
LIST_GONE = re.compile(
    rb'^\+?[0-9.]+ \[\d+ [^\]]+\] "(?:UNLINK|DEL|FLUSHALL|FLUSHDB)"([^\r]*)', re.MULTILINE | re.IGNORECASE
)
KEY_USER = re.compile(rb"\{([^}]+)\}:topk")
CHUNK_BYTES = 1 << 20
RECONNECT_SECONDS = 0.05


class ListWatch:
    """Reads the MONITOR stream on a thread; while the server is away it waits, and goes on with what is there then.

    Attributes:
        writes: lists that were written.
        stale: (user, position before, position written) of each write over a newer list.
        removed: lists that were taken away.
        first_seconds: when the first list of each partition and epoch was written, by the server's clock, Unix time.
    """

    def __init__(self, url: str, partition_of: Callable[[str], int]) -> None:
        """`partition_of` a user."""
        parts = urlsplit(url)
        self._address = (str(parts.hostname), int(parts.port or 6379))
        self._stop = threading.Event()
        self._partition_of = partition_of
        self._positions: dict[bytes, bytes] = {}
        self._seconds: dict[int, list[float]] = {}
        self.writes = self.removed = 0
        self.stale: list[tuple[str, str, str]] = []
        self.first_seconds: dict[tuple[int, int], float] = {}
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, name="list-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listening.wait(10), "Valkey tells nothing"
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)

    def epochs(self) -> dict[int, int]:
        """The highest epoch of the lists of each partition."""
        highest: dict[int, int] = {}
        for partition, epoch in list(self.first_seconds):
            highest[partition] = max(highest.get(partition, 0), epoch)
        return highest

    def first_beyond(self, epochs: Mapping[int, int]) -> float:
        """When the first list of a higher epoch than its partition's in `epochs` was written; 0 = none was."""
        written = list(self.first_seconds.items())
        return min((at for (number, epoch), at in written if epoch > epochs.get(number, 0)), default=0.0)

    def stood_still_seconds(self, since: float, until: float) -> float:
        """The longest time, between two Unix times, in which no list of some partition was written."""
        gaps = [0.0]
        for times in list(self._seconds.values()):
            within = [since, *(each for each in list(times) if since < each < until), until]
            gaps += [after - before for before, after in pairwise(within)]
        return max(gaps)

    def _run(self) -> None:
        while not self._stop.is_set():
            with suppress(OSError), socket.create_connection(self._address, timeout=1.0) as connection:
                connection.sendall(b"MONITOR\r\n")
                self._positions.clear()  # it may have been emptied, or have missed writes
                self._listen(connection)
            self._stop.wait(RECONNECT_SECONDS)

    def _listen(self, connection: socket.socket) -> None:
        connection.settimeout(0.2)
        rest = b""
        while not self._stop.is_set():
            try:
                chunk = connection.recv(CHUNK_BYTES)
            except TimeoutError:
                continue
            if not chunk:
                return
            self._listening.set()
            whole, _, rest = (rest + chunk).rpartition(b"\n")
            self._read(whole)

    def _read(self, text: bytes) -> None:
        found = [(each.start(), each) for pattern in (LIST_SET, LIST_GONE) for each in pattern.finditer(text)]
        for _, each in sorted(found, key=lambda pair: pair[0]):
            if each.re is LIST_SET:
                self._written(float(each[1]), each[2], each[3])
            else:
                self._gone(each[1])

    def _written(self, seconds: float, user: bytes, position: bytes) -> None:
        self.writes += 1
        before = self._positions.get(user, b"")
        if position <= before:
            self.stale.append((user.decode(), before.decode(), position.decode()))
        self._positions[user] = position
        partition, epoch = self._partition_of(user.decode()), int(position.partition(b"-")[0])
        self._seconds.setdefault(partition, []).append(seconds)
        self.first_seconds.setdefault((partition, epoch), seconds)

    def _gone(self, keys: bytes) -> None:
        users = KEY_USER.findall(keys)
        self.removed += len(users)
        for user in users:
            self._positions.pop(user, None)
        if not keys.strip():
            self._positions.clear()
