"""How a demo shows itself while it runs: a live view on a terminal, a line now and then elsewhere."""

from collections.abc import Callable
from threading import Event
from typing import Protocol

from rich.console import Console
from rich.live import Live
from typing_extensions import override

from worker.demo.scene import Scene
from worker.demo.texts import rate_text, seconds_text
from worker.demo.view import View

FRAME_SECONDS = 0.25
LINE_SECONDS = 5.0


class Display(Protocol):
    """Shows a demo."""

    def note(self, text: str) -> None:
        """Something that happens before or after the run."""

    def watch(self, scene: Callable[[], Scene], stop: Event) -> None:
        """Shows the run until `stop` is set; on a thread of its own."""


class LiveDisplay(Display):
    """The whole screen, redrawn a few times a second."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @override
    def note(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False)

    @override
    def watch(self, scene: Callable[[], Scene], stop: Event) -> None:
        with Live(console=self._console, screen=True, auto_refresh=False, redirect_stdout=False) as live:
            while not stop.wait(FRAME_SECONDS):
                live.update(View(scene()), refresh=True)


class LineDisplay(Display):
    """Plain lines, for logs and pipes."""

    def __init__(self, echo: Callable[[str], None]) -> None:
        self._echo = echo

    @override
    def note(self, text: str) -> None:
        self._echo(text)

    @override
    def watch(self, scene: Callable[[], Scene], stop: Event) -> None:
        while not stop.wait(LINE_SECONDS):
            self._echo(status_line(scene()))


def status_line(scene: Scene) -> str:
    """The figures in one line."""
    figures = scene.figures
    recent, total = figures.recent, figures.total
    seconds = max(figures.recent_seconds, 1.0)
    return (
        f"{figures.seconds:4.0f} s  {total.events:,} events ({recent.events / seconds:,.0f}/s)  "
        f"{total.lists:,} lists ({recent.lists / seconds:,.0f}/s)  lag {figures.lag_records:,}  "
        f"freshness p99 {seconds_text(recent.freshness.quantile(0.99))}  "
        f"HR@20 {rate_text(total.hit_rate)} (popularity {rate_text(total.popular_hit_rate)})  "
        f"errors {sum(figures.errors.values())}"
    )
