"""The report of `millrace evaluate --html`: one page that needs nothing else, with a plot where matplotlib is."""

import os
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from tests.support.served import doubtful_replay
from worker.cli import app
from worker.errors import ConfigurationError
from worker.report.page import EXPOSURE, METRICS, NO_PLOT, report_page
from worker.report.plot import curves_svg

pytestmark = pytest.mark.usefixtures("no_settings_from_outside")

needs_matplotlib = pytest.mark.skipif(
    find_spec("matplotlib") is None and "CI" not in os.environ, reason="the extra `plots` is not installed"
)
EVENTS = [("u", "a", "buy"), ("v", "b", "<view>"), ("u", "b", "buy"), ("v", "a", "<view>"), ("u", "a", "buy")]
CURVE: dict[str, Any] = {
    "window_events": 5_000,
    "events": [2, 4, 9],
    "running": {"hr_at_20": [1.0, 0.5, 0.6], "mrr_at_20": [0.0, 0.0, 0.0]},
    "fading": {"hr_at_20": [1.0, 0.5, 0.7], "mrr_at_20": [0.0, 0.0, 0.0]},
    "experts": {f"expert {number}": [0.1 * number] * 3 for number in range(7)},
}
EXPOSED = dict.fromkeys(EXPOSURE, 0.5)


@pytest.fixture
def without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)


class Page(HTMLParser):
    """What a page holds: the start tags with their attributes, the text of its cells, and what stays open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.cells.append(data)


def evaluated(folder: Path, *arguments: str) -> str:
    """The page about a small file of events, of which some may be scored."""
    events = folder / "a&b.csv"
    lines = [f"{user},{item},{1_600_000_000 + place},{kind}" for place, (user, item, kind) in enumerate(EVENTS)]
    events.write_text("\n".join(["user_id,item_id,timestamp,event", *lines]))
    result = CliRunner().invoke(app, ["evaluate", str(events), "--html", str(folder / "report.html"), *arguments])
    assert result.exit_code == 0, result.output
    return (folder / "report.html").read_text("utf-8")


@pytest.mark.usefixtures("without_matplotlib")
def test_without_matplotlib_the_report_says_how_to_get_a_plot(tmp_path: Path) -> None:
    text = evaluated(tmp_path)
    assert NO_PLOT in text
    assert "svg" not in {tag for tag, _ in Page(text).tags}


@needs_matplotlib
def test_with_matplotlib_the_report_holds_the_plot_and_needs_nothing_from_outside(tmp_path: Path) -> None:
    page = Page(evaluated(tmp_path))
    assert page.open == []
    assert "svg" in {tag for tag, _ in page.tags}
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in page.tags}
    targets = [value or "" for _, found in page.tags for name, value in found.items() if name.endswith(("href", "src"))]
    assert targets
    assert all(target.startswith("#") for target in targets)


@pytest.mark.usefixtures("without_matplotlib")
def test_the_tables_show_the_blend_the_experts_and_the_groups_that_have_events(tmp_path: Path) -> None:
    page = Page(evaluated(tmp_path))
    assert page.open == []
    assert {"blend", "  second half", "next", *METRICS} <= set(page.cells)
    assert {"buy", "<view>", "1", "2-3", "0-9"} <= set(page.cells)
    assert not {"4-8", "31+", "100-999"} & set(page.cells)
    assert {"Catalogue coverage at 20", "100.0%"} <= set(page.cells)
    assert "isgd" not in page.cells
    assert "nan" not in "".join(page.cells)


@pytest.mark.usefixtures("without_matplotlib")
def test_baselines_have_their_figures_and_their_contest_with_the_blend(tmp_path: Path) -> None:
    page = Page(evaluated(tmp_path, "--against", "popularity,isgd"))
    assert [cell for cell in page.cells if cell in ("popularity", "isgd")] == ["popularity", "isgd"] * 2
    assert {"events/s", "only the other hit"} <= set(page.cells)


@pytest.mark.usefixtures("without_matplotlib")
def test_names_from_outside_are_shown_as_they_are(tmp_path: Path) -> None:
    assert "<h1>a&amp;b.csv</h1>" in evaluated(tmp_path)


def test_where_nothing_is_scored_there_is_a_report_all_the_same(tmp_path: Path) -> None:
    text = evaluated(tmp_path, "--limit", "1")
    assert "No event was scored." in text
    assert {"-"} < set(Page(text).cells)


def test_json_and_a_report_may_be_had_at_once(tmp_path: Path) -> None:
    assert evaluated(tmp_path, "--json").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("target", "cause"), [("none/report.html", "there is no folder"), (".", "cannot write")], ids=["missing", "folder"]
)
def test_a_report_that_cannot_be_written_is_refused(tmp_path: Path, target: str, cause: str) -> None:
    (tmp_path / "events.csv").write_text("user_id,item_id,timestamp\nu,a,1600000000\n")
    arguments = ["evaluate", str(tmp_path / "events.csv"), "--html", str(tmp_path / target)]
    error = CliRunner().invoke(app, arguments).exception
    assert isinstance(error, ConfigurationError)
    assert cause in str(error)
    assert error.remedy


@needs_matplotlib
def test_the_plot_shows_the_blend_and_the_five_best_experts() -> None:
    drawing = ET.fromstring(curves_svg(CURVE) or "")
    texts = {element.text for element in drawing.iter("{http://www.w3.org/2000/svg}text")}
    assert {"HR@20", "MRR@20", "blend", "blend, running"} <= texts
    assert {name for name in CURVE["experts"] if name in texts} == {f"expert {number}" for number in range(2, 7)}


@needs_matplotlib
def test_the_plot_shows_the_three_best_baselines() -> None:
    drawing = curves_svg(CURVE, {f"known {number}": [0.1 * number] * 3 for number in range(5)}) or ""
    assert [f"known {number} (known)" in drawing for number in range(5)] == [False, False, True, True, True]


@needs_matplotlib
def test_the_same_figures_give_the_same_drawing() -> None:
    assert curves_svg(CURVE) == curves_svg(CURVE)


@pytest.mark.usefixtures("without_matplotlib")
def test_what_a_replay_through_a_worker_found_has_its_table_and_its_doubts() -> None:
    ours: dict[str, Any] = dict.fromkeys(METRICS.values(), 0.5)
    figures = {"curve": CURVE, "comparisons": {}, "exposure": EXPOSED}
    assert "As served" not in report_page("t", "h", {"blend": ours}, figures)
    text = report_page("t", "h", {"blend": ours}, figures | {"served": doubtful_replay()})
    assert {"event, ideal", "0.25 s", "25.0 (20.5 to 29.5)", "50 %", "2.500 s", "HR@20 lost, %"} <= set(
        Page(text).cells
    )
    assert Page(text).open == []
    for note in ("Replayed at 100 events/s", "the pace was not held", "did not keep up", "turned away 3 events"):
        assert note in text


@pytest.mark.usefixtures("without_matplotlib")
def test_small_probabilities_are_not_shown_as_nothing() -> None:
    ours: dict[str, Any] = dict.fromkeys(METRICS.values(), 0.5)
    interval = {"difference": 0.1, "low": -0.05, "high": 0.2}
    comparison = {
        "hr_at_20": interval,
        "mrr_at_20": interval,
        "mcnemar": {"first_only": 1_234, "second_only": 5, "p_value": 1e-30},
    }
    page = Page(
        report_page(
            "t", "h", {"blend": ours}, {"curve": CURVE, "comparisons": {"next": comparison}, "exposure": EXPOSED}
        )
    )
    assert {"+0.1000 (-0.0500 to +0.2000)", "1,234", "< 0.0001"} <= set(page.cells)
