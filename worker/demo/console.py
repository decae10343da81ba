"""The live console beside the demo: `millrace serve` as a process of its own, and a browser that shows it."""

import os
import sys
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from threading import Event
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

from typing_extensions import override

from worker.demo.follow import Followed
from worker.demo.places import Place
from worker.demo.task import Task
from worker.embedded.ports import HOST
from worker.embedded.server import EmbeddedServer

NEEDED = ("httptools", "starlette", "uvicorn", "uvloop")
HOW_TO_GET_IT = "No console: pip install 'millrace[api]' brings it"
LOOK_SECONDS = 0.25
ANSWER_SECONDS = 2.0


class ConsoleServer(EmbeddedServer):
    """`millrace serve` on the demo's services; it ends with the demo, however that ends."""

    name = "API"
    port_count = 2
    grace_seconds = 5.0

    def __init__(self, place: Place, metrics: str) -> None:
        """`metrics` is the address of the worker's figures."""
        super().__init__(place.folder)
        self._settings = {**place.own, "api.host": HOST, "api.workers": metrics, "api.console": True}

    @property
    def url(self) -> str:
        """The console's address."""
        return f"http://{HOST}:{self._ports[0]}/console/"

    @override
    def _command(self) -> list[str]:
        port, health_port = self._ports
        settings = {**self._settings, "api.port": port, "api.health_port": health_port}
        assignments = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
        return [sys.executable, "-m", "worker", "serve", *assignments]

    @override
    def _answers(self, pid: int) -> bool:
        try:
            with urlopen(self.url, timeout=ANSWER_SECONDS) as answer:  # noqa: S310  # our own, http
                return bool(answer.status == 200)
        except (URLError, ConnectionError, TimeoutError):
            return False


@contextmanager
def console_of(place: Place, metrics: str, note: Callable[[str], None]) -> Iterator[str]:
    """In the block, the console answers; yields its address, or "" where the packages that it needs are missing."""
    if not all(map(find_spec, NEEDED)):
        note(HOW_TO_GET_IT)
        yield ""
        return
    with ConsoleServer(place, metrics) as server:
        note(f"Console: {server.url}")
        yield server.url


@contextmanager
def shown_in_browser(address: str, followed: Callable[[], Followed | None]) -> Iterator[None]:
    """In the block, a browser opens once there is a user to follow, at that user's page."""
    ended = Event()
    waiting = Task("browser", lambda: _open(address, followed, ended))
    try:
        yield
    finally:
        ended.set()
        waiting.result()


def _open(address: str, followed: Callable[[], Followed | None], ended: Event) -> None:
    while not ended.wait(LOOK_SECONDS):
        if (found := followed()) is not None:
            webbrowser.open(page_of(address, found.user_id))
            return


def page_of(address: str, user_id: str) -> str:
    """Where the console shows a user."""
    return f"{address}#/user/{quote(user_id, safe='')}"


def has_display() -> bool:
    """Whether a browser could show anything here."""
    return sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
