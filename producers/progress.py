"""Progress bars on standard error, for terminals; elsewhere only the closing line is shown."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


@contextmanager
def events_progress(verb: str, total_events: int | None, target: str) -> Iterator[Callable[[int], None]]:
    """Yields a function that is told how many more events are done; ends with a line that sums up."""
    console = Console(stderr=True)
    begin = monotonic()
    columns = (TextColumn(verb), BarColumn(), TextColumn("{task.completed:,.0f} events"), _Rate())
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(verb, total=total_events)
        count = _Counter()

        def advance(events: int) -> None:
            count.events += events
            bar.advance(task, events)

        yield advance
    seconds = max(monotonic() - begin, 1e-9)
    console.print(
        f"{count.events:,} events to {target} in {seconds:.1f} s ({count.events / seconds:,.0f}/s)",
        highlight=False,
        soft_wrap=True,
    )


class _Counter:
    events = 0


class _Rate(ProgressColumn):
    """Events a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:,.0f}/s")
