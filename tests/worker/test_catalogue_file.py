"""The catalogue of an offline evaluation: which items are known when, and what that changes in the figures."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from models.batch import Interactions
from models.descriptions import Description
from models.policies import Repeats
from models.recommender import RecommenderOptions
from models.registry import EXPERTS
from worker.catalogue_file import EVER_MS, CatalogueFile, read_catalogue
from worker.cli import app
from worker.errors import ConfigurationError
from worker.offline import Scoring, evaluate

pytestmark = pytest.mark.usefixtures("no_settings_from_outside")

YEAR_2020_MS = 1_577_836_800_000
KINDS = ("pirates", "robots", "dragons")
ITEMS = [Description(f"{kind}{number}", f"the {kind}", category=kind) for number in range(40) for kind in KINDS]


def one_kind_each() -> Interactions:
    """Thirty users who each take items of one kind, each of them a new one: nobody takes what another one had."""
    taken = [
        (f"{kind} fan {user}", f"{kind}{4 * user + turn}") for turn in range(4) for user in range(10) for kind in KINDS
    ]
    users, items = zip(*taken, strict=True)
    return Interactions.of(users, items, YEAR_2020_MS + np.arange(len(taken)))


def figures_of(
    stream: Interactions, experts: tuple[str, ...], catalogue: CatalogueFile | None = None
) -> dict[str, Any]:
    options = RecommenderOptions(experts=experts, repeats=Repeats.EXCLUDE)
    return evaluate(stream, options, Scoring(), catalogue=catalogue).figures


def test_items_of_the_catalogue_count_from_the_start_and_are_foreseen_by_what_is_said_of_them() -> None:
    stream = one_kind_each()
    known = CatalogueFile(ITEMS, [EVER_MS] * len(ITEMS))
    assert figures_of(stream, EXPERTS)["items_with_few_events"]["scored"] == 0
    without = figures_of(stream, EXPERTS, known)["items_with_few_events"]
    assert (without["scored"], without["hr_at_20"]) == (120, 0.0)
    found = figures_of(stream, (*EXPERTS, "content"), known)
    assert found["items_with_few_events"]["scored"] == 120
    assert found["items_with_few_events"]["hr_at_20"] > 0.3  # two thirds of a kind could be had by chance, of 40
    assert found["by_item_events"]["0"]["scored"] == 120
    assert found["items"] == 120


def test_an_item_is_known_from_the_first_event_after_its_arrival() -> None:
    stream = Interactions.of(["u", "v", "u", "v"], ["a", "b", "a", "b"], [10, 20, 15, 30])
    catalogue = CatalogueFile([Description("b"), Description("a"), Description("c")], [16, EVER_MS, 99])
    assert [(start, stop, [each.item for each in came]) for start, stop, came in catalogue.parts(stream)] == [
        (0, 1, ["a"]),
        (1, 4, ["b"]),
    ]
    assert catalogue.knows(stream).tolist() == [True, True, True, True]
    assert CatalogueFile([Description("b")], [25]).knows(stream).tolist() == [False, False, False, True]


def test_parts_of_the_stream_lead_to_the_figures_of_the_whole() -> None:
    stream = one_kind_each()
    cut = CatalogueFile([Description("never taken")], [int(stream.times_ms[60])])
    whole, parts = figures_of(stream, EXPERTS), figures_of(stream, EXPERTS, cut)
    for name in ("seconds", "events_per_second"):
        del whole[name], parts[name]
    np.testing.assert_equal(parts, whole)


def test_rejections_of_known_items_are_not_scored() -> None:
    stream = one_kind_each()
    stream.weights[::2] = -1
    found = figures_of(stream, EXPERTS, CatalogueFile(ITEMS, [EVER_MS] * len(ITEMS)))
    assert found["scored"] == 60


def test_a_file_says_what_is_known_and_since_when(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("item_id,title,year\n1,Lamp,2020\n2,Vase,\n2,Old vase,\n3,Cup,2020-01-02\n")
    found = read_catalogue(path, "year")
    assert [each.title for each in found.descriptions] == ["Lamp", "Old vase", "Cup"]
    assert found.arrivals_ms == [YEAR_2020_MS, EVER_MS, YEAR_2020_MS + 86_400_000]
    assert read_catalogue(path).arrivals_ms == [EVER_MS] * 3
    with pytest.raises(ConfigurationError, match="no column 'born'"):
        read_catalogue(path, "born")
    with pytest.raises(ConfigurationError, match="cannot read"):
        read_catalogue(path, "title")


def test_the_command_takes_a_catalogue(tmp_path: Path) -> None:
    events, items = tmp_path / "events.csv", tmp_path / "items.csv"
    events.write_text("user_id,item_id,timestamp\n" + "".join(f"u{n % 3},{'abc'[n % 2]},{n + 1}\n" for n in range(12)))
    items.write_text("item_id,title,came\na,Lamp,1970\nb,Vase,1970\n")
    run = CliRunner().invoke
    shown = run(app, ["evaluate", str(events), "--items", str(items), "--items-time", "came"])
    assert shown.exit_code == 0, shown.output
    assert "items with fewer than 3 events" in shown.stdout
    for wrong in (["--items-time", "came"], ["--items", str(items), "--served"]):
        with pytest.raises(ConfigurationError, match=r"--items|--served"):
            run(app, ["evaluate", str(events), *wrong], catch_exceptions=False)
