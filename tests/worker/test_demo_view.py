"""The live view at the sizes of real terminals, the plain lines, and the summary."""

import io

import numpy as np
import pytest
from rich.console import Console

from tests.support.records import line
from worker.adapters.memory import MemoryLists
from worker.adapters.memory_source import MemoryRecord
from worker.demo.displays import status_line
from worker.demo.follow import Followed, Follower
from worker.demo.scene import Addresses, Lookout, Scene
from worker.demo.statistics import Statistics
from worker.demo.summary import summary_of
from worker.demo.texts import sparkline
from worker.demo.view import View
from worker.events import Interaction, Reason, RecommendationList, Reject
from worker.machine import this_machine
from worker.observers import ServedOutcome
from worker.shown_lists import ShownList, shown_items

SIZES = [(80, 24), (120, 40)]
ADDRESSES = Addresses("127.0.0.1:29092", "127.0.0.1:26379", "http://127.0.0.1:29108/metrics", "a credit")
TITLES = {f"i{number}": f"TITLE [{number}] " + "LONG " * number for number in range(20)}


def busy() -> Statistics:
    """Statistics after an hour in which everything happened."""
    seconds = iter(np.linspace(1000.0, 4600.0, 400))
    statistics = Statistics(lambda: float(next(seconds)))
    for hits in range(60):
        statistics.consumed(1_000_000, dict.fromkeys(Reject, 12_345), 0.1)
        statistics.learned(1_000_000, ServedOutcome(events=900_000, hits=hits * 3000, popular_hits=50_000), 0.1)
        statistics.published(50_000, 0, 0.1, np.full(10, 123.456))
    statistics.lagging({0: 12_345_678}, 86_400.0)
    statistics.waiting(123_456)
    statistics.snapshot_written(12_345_678_901, 0.1)
    statistics.publish_failed(1)
    return statistics


def scene(statistics: Statistics, *, following: bool = True, listed: bool = True) -> Scene:
    """A scene with a followed user and his list."""
    events = [Interaction("guest-536414", f"i{number}", "purchase", 0) for number in range(10)]
    content = RecommendationList(
        "", list(TITLES), [0.5] * 20, [Reason("similar", "i7"), *[Reason("popular_slow")] * 19], "m", 0
    )
    shown = ShownList("guest-536414", True, "m", 0, 1.5, shown_items(content, lambda item: TITLES[item]))
    return Scene(
        ADDRESSES,
        statistics.figures(),
        TITLES,
        Followed("guest-536414", 2, 3.0, events) if following else None,
        shown if listed else None,
    )


def rendered(what: Scene, width: int, height: int) -> list[str]:
    """The view as a terminal of that size shows it."""
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(View(what), height=height)
    return capture.get().splitlines()


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize(("following", "listed"), [(True, True), (True, False), (False, False)])
def test_the_view_fits_the_screen(width: int, height: int, following: bool, listed: bool) -> None:
    lines = rendered(scene(busy(), following=following, listed=listed), width, height)
    assert len(lines) <= height
    assert all(len(line) <= width for line in lines)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_view_shows_figures_and_the_followed_user(width: int, height: int) -> None:
    lines = rendered(scene(busy()), width, height)
    text = "\n".join(lines)
    for shown in (ADDRESSES.kafka, ADDRESSES.redis, ADDRESSES.metrics, ADDRESSES.credit, "60,000,000"):
        assert shown in text
    assert "0.098" in next(line for line in lines if line.startswith("HR@20 of the lists"))
    assert "0.056" in next(line for line in lines if line.startswith("HR@20 of popularity"))
    assert "User guest-536414  2 visits, last event 3 s ago" in text
    first = next(line for line in lines if line.startswith("  1  TITLE [0]"))
    assert "goes with TITLE [7]" in first
    assert sum("popular over the long run" in line for line in lines) == (8 if height == 24 else 19)
    assert sum("  purchase  TITLE" in line for line in lines) == (3 if height == 24 else 6)


def test_the_view_of_a_demo_that_begins_has_no_figures_yet() -> None:
    text = "\n".join(rendered(scene(Statistics(), following=False, listed=False), 80, 24))
    assert "The worker joins its group" in text
    assert "none yet" in text


def test_the_view_tells_when_hits_no_longer_count() -> None:
    statistics = busy()
    statistics.stop_scoring()
    assert "HR@20 of the lists, first pass" in "\n".join(rendered(scene(statistics), 80, 24))


def test_figures_do_not_move_as_they_grow() -> None:
    def columns_of(statistics: Statistics) -> list[int]:
        line = next(line for line in rendered(scene(statistics), 80, 24) if line.startswith("events/s"))
        return [line.index("freshness"), line.index("lag")]

    assert columns_of(busy()) == columns_of(Statistics())


def test_a_sparkline_has_a_bar_for_each_value_on_one_scale() -> None:
    assert sparkline([0.0, 0.1, None, 0.5, 1.0], 1.0) == "▁▁ ▄█"
    assert sparkline([0.0, 0.0], 0.0) == "▁▁"


def test_a_status_line_holds_the_figures() -> None:
    line = status_line(scene(busy()))
    assert "60,000,000 events" in line
    assert "HR@20 0.098 (popularity 0.056)" in line
    assert "errors 1" in line


def test_a_lookout_reads_the_list_from_the_sink() -> None:
    lists, follower = MemoryLists(), Follower()
    follower.saw({0: [MemoryRecord(0, 0, b"ann", line("ann"))]})
    lookout = Lookout(ADDRESSES, Statistics(), follower, lists, {"tea": "A nice cup"})
    assert lookout.scene().shown is None
    lists.publish({"ann": RecommendationList("1", ["tea"], [1.0], [Reason("next")], "m", 0)})
    shown = lookout.scene().shown
    assert shown is not None
    assert shown.items[0].title == "A nice cup"
    lists.available = False
    assert lookout.scene().shown is None


def test_a_summary_holds_what_a_program_asks_for() -> None:
    summary = summary_of(busy().figures(), 6.54321, this_machine())
    assert summary.events_consumed == 60_000_000
    assert summary.events_rejected == sum(summary.rejected_by_reason.values()) == 60 * 12_345 * len(Reject)
    assert (summary.errors, summary.errors_by_kind) == (1, {"failed_publications": 1})
    assert summary.lists_published == 3_000_000
    assert summary.freshness_seconds.p50 == pytest.approx(123.456, rel=0.01)
    assert (summary.served_hit_rate_at_20, summary.popular_hit_rate_at_20) == (0.0983, 0.0556)
    assert (summary.served_events, summary.first_list_seconds) == (54_000_000, 6.5432)
    assert summary.machine.cores > 0


def test_a_summary_of_nothing_has_no_rates() -> None:
    summary = summary_of(Statistics().figures(), None, this_machine())
    assert (summary.served_hit_rate_at_20, summary.freshness_seconds.p99, summary.first_list_seconds) == (None,) * 3
    assert (summary.events_consumed, summary.errors, summary.seconds) == (0, 0, 0.0)
