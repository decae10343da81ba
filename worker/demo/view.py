"""The live view: figures above, one followed user below, in exactly the screen's size."""

from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from worker.demo.console import page_of
from worker.demo.scene import Scene
from worker.demo.texts import (
    clock_text,
    counts_text,
    megabytes_text,
    rate_text,
    seconds_text,
    sparkline,
)

TOP_LINES = 10  # header, figures and hit rates with their rules
USER_LINES = 2  # the user, and the heading of the list
FEWEST_EVENTS, MOST_EVENTS = 2, 6
SERVED_STYLE, POPULAR_STYLE = "green", "yellow"
FAINT, STRONG = "bright_black", "bold"
ERROR_STYLE = "bold red"


class View:
    """A scene as something that rich can print."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        lines = (options.height or options.size.height) - TOP_LINES - USER_LINES
        events = max(FEWEST_EVENTS, min(MOST_EVENTS, lines // 4))
        yield from self._header()
        yield Rule(style=FAINT)
        yield self._figures()
        yield self._hit_rates()
        yield Rule(style=FAINT)
        yield from self._user(events, max(lines - events, 1))

    # -- figures ----------------------------------------------------------------------------------------------

    def _header(self) -> Iterator[RenderableType]:
        addresses = self._scene.addresses
        yield _columns(
            _line(("Millrace demo", STRONG), ("  Ctrl-C ends it", FAINT)),
            _line((f"Kafka {addresses.kafka}  Redis {addresses.redis}", FAINT)),
        )
        yield _columns(
            _line((f"Data: {addresses.credit}", FAINT)), _line((addresses.console or addresses.metrics, FAINT))
        )

    def _figures(self) -> Table:
        figures = self._scene.figures
        recent, seconds = figures.recent, max(figures.recent_seconds, 1.0)
        age = figures.snapshot_age_seconds
        snapshot = "none yet" if age is None else f"{age:.0f} s ago, {megabytes_text(figures.snapshot_bytes)}"
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        for name_width, value_width in ((8, 11), (13, 7), (8, None)):  # fixed, so that nothing moves as figures grow
            table.add_column(style=FAINT, width=name_width, no_wrap=True)
            ratio = None if value_width else 1
            table.add_column(style=STRONG, width=value_width, ratio=ratio, no_wrap=True, overflow="ellipsis")
        table.add_row(
            *("events/s", f"{recent.events / seconds:,.0f}"),
            *("freshness p50", seconds_text(recent.freshness.quantile(0.5))),
            *("lag", f"{figures.lag_records:,} records, {figures.lag_seconds:.1f} s"),
        )
        table.add_row(
            *("lists/s", f"{recent.lists / seconds:,.0f}"),
            *("freshness p99", seconds_text(recent.freshness.quantile(0.99))),
            *("snapshot", snapshot),
        )
        table.add_row(
            *("events", f"{figures.total.events:,}"),
            *("lists", f"{figures.total.lists:,}"),
            *("rejected", counts_text(figures.rejected) or "none"),
        )
        table.add_row(
            *("running", clock_text(figures.seconds)),
            *("waiting users", f"{figures.waiting_users:,}"),
            *("errors", Text(counts_text(figures.errors), ERROR_STYLE) if figures.errors else "none"),
        )
        return table

    def _hit_rates(self) -> Table:
        """Both sparklines on one scale."""
        figures = self._scene.figures
        served = [point.hit_rate for point in figures.history]
        popular = [point.popular_hit_rate for point in figures.history]
        highest = max((rate for rate in served + popular if rate is not None), default=0.0)
        table = Table.grid(padding=(0, 2, 0, 0))
        for _ in range(3):
            table.add_column(no_wrap=True, overflow="crop")
        total, which = figures.total, "" if figures.scoring else ", first pass"
        for name, rate, history, style in (
            ("the lists", total.hit_rate, served, SERVED_STYLE),
            ("popularity", total.popular_hit_rate, popular, POPULAR_STYLE),
        ):
            bars = Text(sparkline(history, highest), style)
            table.add_row(Text(f"HR@20 of {name}{which}", FAINT), Text(rate_text(rate), STRONG), bars)
        return table

    # -- the followed user ------------------------------------------------------------------------------------

    def _user(self, events: int, items: int) -> Iterator[RenderableType]:
        followed = self._scene.followed
        if followed is None:
            yield _line(("The worker joins its group; then events flow", FAINT))
            return
        visits = f"{followed.visits} visit{'s' if followed.visits > 1 else ''}"
        ago = f"last event {followed.quiet_seconds:.0f} s ago"
        console = self._scene.addresses.console
        link = page_of(console, followed.user_id) if console else ""
        yield _columns(_line((f"User {followed.user_id}", STRONG), (f"  {visits}, {ago}", FAINT)), _line((link, FAINT)))
        for event in followed.events[:events]:
            title = self._scene.titles.get(event.item_id) or event.item_id
            yield _line((f"  {event.event:9} ", FAINT), (title, ""))
        for _ in range(events - len(followed.events)):
            yield Text()
        yield from self._list(items)

    def _list(self, items: int) -> Iterator[RenderableType]:
        shown = self._scene.shown
        if shown is None:
            yield _line(("No list can be read", ERROR_STYLE))
            return
        whose = "List in Redis" if shown.personal else "No list yet: the popular one"
        yield _line((whose, STRONG), (f"  {shown.age_seconds:.1f} s old", FAINT))
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.add_column(justify="right", style=FAINT, width=3)
        table.add_column(ratio=5, no_wrap=True, overflow="ellipsis")
        table.add_column(justify="right", style=SERVED_STYLE, width=6)
        table.add_column(ratio=6, style=FAINT, no_wrap=True, overflow="ellipsis")
        for each in shown.items[:items]:
            table.add_row(str(each.rank), Text(each.title), f"{each.score:.4f}", Text(each.reason))
        yield table


def _line(*parts: tuple[str, str]) -> Text:
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def _columns(left: Text, right: Text) -> Table:
    table = Table.grid(expand=True)
    table.add_column(no_wrap=True, overflow="ellipsis")
    table.add_column(justify="right", no_wrap=True, overflow="ellipsis")
    table.add_row(left, right)
    return table
