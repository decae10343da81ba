"""`millrace evaluate --against`: baselines on the same events, in the output for people and for programs."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from models.baselines.registry import BASELINES
from models.batch import Interactions
from models.policies import Repeats
from models.recommender import RecommenderOptions
from worker import peers
from worker.cli import app
from worker.errors import ConfigurationError
from worker.offline import Scoring, evaluate

pytestmark = pytest.mark.usefixtures("no_settings_from_outside")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Every user takes a, b, c in turn."""
    path = tmp_path / "events.csv"
    rows = (f"u{index // 3},{'abc'[index % 3]},{1_577_836_800 + index * 3600},buy\n" for index in range(12))
    path.write_text("user_id,item_id,timestamp,event\n" + "".join(rows))
    return path


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


def against(*names: str, stream: Interactions, scoring: Scoring | None = None, **options: Any) -> dict[str, Any]:
    figures = evaluate(stream, RecommenderOptions(**options), scoring or Scoring(), against=names).figures
    compared: dict[str, Any] = figures["against"]
    return compared


def test_json_has_the_figures_of_each_baseline(file: Path) -> None:
    result = invoke(file, "--against", "covisitation, popularity,covisitation", "--json")
    figures = json.loads(result.stdout)
    assert list(figures["against"]) == ["covisitation", "popularity"]
    for values in figures["against"].values():
        assert {"hr_at_10", "hr_at_20", "mrr_at_20", "seconds"} < values.keys()
        assert values["hr_at_10"] == 1.0
        assert values["events_per_second"] > 0
    assert figures["against"]["covisitation"]["mrr_at_20"] > 0.8 > figures["against"]["popularity"]["mrr_at_20"]


def test_without_baselines_nothing_is_said_of_them(file: Path) -> None:
    assert "against" not in json.loads(invoke(file, "--json").stdout)
    assert "on the same events" not in invoke(file).output


def test_the_table_sets_the_blend_above_the_baselines(file: Path) -> None:
    output = invoke(file, "--against", "sessions,isgd").output
    _, _, table = output.partition("on the same events")
    rows = [line.split() for line in table.splitlines()]
    assert (rows[0][:3], rows[0][-1]) == (["HR@10", "HR@20", "MRR@20"], "events/s")
    assert [row[0] for row in rows[1:]] == ["blend", "sessions", "isgd"]
    assert all(len(row) == len(rows[0]) + 1 for row in rows[1:])


def test_a_name_that_no_baseline_has_is_refused_with_those_that_there_are(file: Path) -> None:
    error = invoke(file, "--against", "popularity,oracle").exception
    assert isinstance(error, ConfigurationError)
    assert str(error) == "unknown baseline oracle"
    assert error.remedy == "there are popularity, covisitation, itemknn, ials, sessions, isgd, bpr"


def test_a_library_that_is_not_installed_is_named_with_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "implicit.cpu.als", None)
    with pytest.raises(ConfigurationError, match=r"the baseline ials cannot run: .*implicit") as caught:
        peers.prepare(["ials"])
    assert caught.value.remedy == "pip install 'millrace[ials]', or compare without it"


def test_the_same_events_are_scored_as_for_the_blend() -> None:
    """Scored is the fourth user's second event alone: b, which three of three took after a."""
    users, items = [*"stuvstuv"], [*"aaaabbbb"]
    stream = Interactions.of(users, items, np.arange(8) * 1000)
    scoring = Scoring(users=frozenset("v"))
    assert against("covisitation", stream=stream, scoring=scoring)["covisitation"]["mrr_at_20"] == 1.0
    assert np.isnan(against("popularity", stream=stream, scoring=Scoring(after_ms=9_000))["popularity"]["hr_at_20"])


def test_users_own_items_are_left_out_where_the_blend_leaves_them_out() -> None:
    """Of a, b and c the user had the two that are more popular."""
    stream = Interactions.of([*"stuvwxyy", "s", "y"], [*"aabbbcab", "b", "c"], np.arange(10) * 1000)
    scoring = Scoring(after_ms=9_000)
    ranks = {
        repeats: 1 / against("popularity", stream=stream, scoring=scoring, repeats=repeats)["popularity"]["mrr_at_20"]
        for repeats in (Repeats.ALLOW, Repeats.EXCLUDE)
    }
    assert ranks == pytest.approx({Repeats.ALLOW: 3.0, Repeats.EXCLUDE: 1.0})


def test_events_that_teach_nothing_keep_their_places() -> None:
    stream = Interactions.of([*"abab"], [*"xxyy"], np.arange(4))
    stream.weights[1] = 0
    scored = np.array([False, False, False, True])
    figures = peers.compare(
        ["popularity"], stream, np.ones(4, np.float32), scored, seen_excluded=False, progress=lambda events: None
    )
    assert figures["popularity"]["comparison"]["hr_at_20"]["difference"] == 0.0
    assert figures["popularity"]["fading"] == [1.0]
    assert figures["popularity"]["mrr_at_20"] == 1.0  # y is the fresher of the two


def test_progress_goes_on_over_all_passes() -> None:
    told: list[int] = []
    stream = Interactions.of([*"abab"], [*"xxyy"], np.arange(4))
    evaluate(stream, RecommenderOptions(), Scoring(), told.append, ["popularity", "bpr"])
    assert told == [4, 8, 12]


def test_all_baselines_that_need_no_extra_can_be_prepared() -> None:
    peers.prepare([name for name in BASELINES if name != "ials"])
