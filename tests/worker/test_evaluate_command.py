"""`millrace evaluate`: which events make the stream, which are scored, and what is printed."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from typer.testing import CliRunner, Result

from models.batch import Interactions
from models.policies import Repeats
from models.recommender import RecommenderOptions
from producers.readers import ColumnNames
from worker.cli import app
from worker.errors import ConfigurationError
from worker.offline import Scoring, Selection, evaluate, read_stream, read_streams

pytestmark = pytest.mark.usefixtures("no_settings_from_outside")

SHARED = Path(__file__).parents[3] / "shared/data"
HOUR_MS = 3_600_000
BEGIN_MS = 1_577_836_800_000  # 2020-01-01
METRICS = ["hr_at_10", "hr_at_20", "mrr_at_10", "mrr_at_20", "ndcg_at_10", "ndcg_at_20"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Twelve events an hour apart: every user takes a, b, c in turn; two events are refunds."""
    path = tmp_path / "events.csv"
    path.write_text(
        "user_id,item_id,timestamp,event\n"
        + "".join(
            f"u{index // 3},{'abc'[index % 3]},{BEGIN_MS + index * HOUR_MS},{'refund' if index in (4, 7) else 'buy'}\n"
            for index in range(12)
        )
    )
    return path


def stream_of(*pairs: tuple[str, str]) -> Interactions:
    """Events of (user, item), an hour apart."""
    users, items = zip(*pairs, strict=True)
    return Interactions.of(users, items, np.arange(len(pairs), dtype=np.int64) * HOUR_MS)


def figures_of(stream: Interactions, scoring: Scoring | None = None, **options: Any) -> dict[str, Any]:
    return evaluate(stream, RecommenderOptions(**options), scoring or Scoring()).figures


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


def as_json(*arguments: object) -> dict[str, Any]:
    result = invoke(*arguments, "--json")
    assert result.exit_code == 0, result.output
    figures: dict[str, Any] = json.loads(result.stdout)
    return figures


def test_json_has_figures_of_the_blend_the_second_half_and_each_expert(file: Path) -> None:
    figures = as_json(file)
    assert (figures["events"], figures["users"], figures["items"]) == (12, 4, 3)
    assert figures["seen_excluded"] is False
    assert figures["seconds"] >= 0
    assert figures["events_per_second"] > 0
    assert list(figures["second_half"]) == METRICS
    assert all(list(values) == METRICS for values in figures["experts"].values())
    assert {"popular_fast", "next", "similar", "repeat_recency"} <= figures["experts"].keys()
    assert list(figures["first_events_included"]) == ["scored", *METRICS]


def test_json_has_figures_by_history_item_age_and_kind(file: Path) -> None:
    figures = as_json(file)
    assert {name: group["scored"] for name, group in figures["by_history"].items() if group["scored"]} == {
        "1": 3,
        "2-3": 3,
    }
    assert figures["by_item_age"]["0-9"]["scored"] == 6
    assert list(figures["by_kind"]) == ["buy", "refund"]
    assert [group["scored"] for group in figures["by_kind"].values()] == [4, 2]
    assert list(figures["by_kind"]["buy"]) == ["scored", *METRICS]


def test_json_has_curves_and_comparisons_with_each_expert(file: Path) -> None:
    figures = as_json(file)
    curve = figures["curve"]
    assert curve["events"] == [5, 6, 8, 9, 11, 12]
    assert curve["running"]["hr_at_20"] == curve["fading"]["hr_at_20"] == [1.0] * 6
    assert figures["experts"].keys() == curve["experts"].keys() == figures["comparisons"].keys()
    assert list(figures["comparisons"]["next"]) == ["hr_at_20", "mrr_at_20", "mcnemar"]


def test_json_says_how_the_lists_spread_over_the_catalogue(file: Path) -> None:
    """All three items stand in each of the six lists, so all are shown equally often."""
    exposure = as_json(file)["exposure"]
    assert exposure["coverage_at_10"] == exposure["coverage_at_20"] == 1.0
    assert exposure["gini_at_20"] == pytest.approx(0.0)
    assert exposure["popularity_rank_at_20"] == 2.0
    assert exposure["novelty_at_20"] == pytest.approx(np.log2(3))


def test_what_always_follows_is_foreseen(file: Path) -> None:
    """Scored are b and c of the second user and later; of three items all are among the first ten."""
    figures = as_json(file)
    assert figures["scored"] == 6
    assert figures["hr_at_10"] == figures["hr_at_20"] == 1.0
    assert figures["experts"]["next"]["mrr_at_20"] == 1.0


def test_first_events_of_users_are_counted_beside(file: Path) -> None:
    assert as_json(file)["first_events_included"]["scored"] == 9


def test_the_figures_agree_with_counting_by_hand() -> None:
    """Once a, b stand in popularity, a third user's a and b are known, b also by what follows a."""
    figures = figures_of(stream_of(("u", "a"), ("u", "b"), ("v", "a"), ("v", "b"), ("w", "a"), ("w", "b"), ("w", "x")))
    assert figures["scored"] == 2
    assert figures["experts"]["next"]["hr_at_10"] == 1.0
    assert figures["experts"]["repeat_count"]["hr_at_20"] == 0.0


def test_kinds_and_limit_choose_the_stream(file: Path) -> None:
    assert as_json(file, "--kinds", "buy")["events"] == 10
    assert as_json(file, "--kinds", "buy,refund")["events"] == 12
    assert as_json(file, "--limit", 5)["events"] == 5
    stream = read_stream(file, ColumnNames(), Selection(frozenset({"buy"}), 5))
    assert list(stream.items) == ["a", "b", "c", "a", "c"]
    assert list(stream.kinds) == ["buy"] * 5
    assert set(stream.weights.tolist()) == {1.0}


def test_kinds_beside_are_learned_by_their_weights_and_not_scored(file: Path) -> None:
    stream = read_stream(file, ColumnNames(), Selection(frozenset({"buy"}), None, {"refund": -0.5}))
    assert len(stream) == 12
    assert set(zip(stream.kinds, stream.weights.tolist(), strict=True)) == {("buy", 1.0), ("refund", -0.5)}
    figures = as_json(file, "--kinds", "buy", "--beside", "refund=0.5")
    assert figures["events"] == 12
    assert figures["scored"] == figures["by_kind"]["buy"]["scored"] > figures["by_kind"]["refund"]["scored"] == 0


def test_with_an_objective_its_kinds_alone_are_scored(file: Path) -> None:
    whole, aimed = as_json(file), as_json(file, "--set", "learning.objective=refund")
    assert aimed["events"] == whole["events"]
    assert aimed["scored"] == aimed["by_kind"]["refund"]["scored"] == whole["by_kind"]["refund"]["scored"] > 0
    assert aimed["by_kind"]["buy"]["scored"] == 0


def test_an_objective_that_no_event_has_is_refused(file: Path) -> None:
    error = invoke(file, "--set", "learning.objective=sale").exception
    assert isinstance(error, ConfigurationError)
    assert "no event is of kind sale" in str(error)
    assert "'buy', 'refund'" in error.remedy


def test_the_limit_counts_events_of_the_chosen_kinds_over_many_batches(tmp_path: Path) -> None:
    count = 40_000
    path = tmp_path / "many.parquet"
    table = pa.table(
        {
            "user_id": [f"u{index % 7}" for index in range(count)],
            "item_id": [str(index) for index in range(count)],
            "timestamp": np.arange(count),
            "event": ["ab"[index % 2] for index in range(count)],
        }
    )
    pa.parquet.write_table(table, path)
    stream = read_stream(path, ColumnNames(), Selection(frozenset("b"), 18_000))
    assert list(stream.items) == [str(index) for index in range(1, 36_000, 2)]


def test_values_of_events_stay_theirs_over_files_and_limits(tmp_path: Path) -> None:
    """Every second event is chosen, and every second of these states its number; the second file states none."""
    rows = [f"u,{number},{number},{'ab'[number % 2]},{number if number % 4 == 1 else ''}" for number in range(12)]
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    one.write_text("\n".join(["user_id,item_id,timestamp,event,stars", *rows]))
    other.write_text("user_id,item_id,timestamp,event,stars\nv,x,1,b,\nv,y,2,b,\n")
    stream = read_streams([one, other], ColumnNames(value="stars"), Selection(frozenset("b"), 7))
    assert list(stream.items) == ["1", "3", "5", "7", "9", "11", "x"]
    assert stream.values is not None
    np.testing.assert_array_equal(stream.values, [1, np.nan, 5, np.nan, 9, np.nan, np.nan])
    sliced = stream.slice(2, 4)
    assert sliced.values is not None
    np.testing.assert_array_equal(sliced.values, [5, np.nan])


def test_columns_of_different_lengths_are_refused() -> None:
    times = np.zeros(2, np.int64)
    with pytest.raises(ValueError, match="different lengths"):
        Interactions(["u", "v"], ["a", "b"], times, np.ones(2, np.float32), (), np.zeros(3))


def test_an_unknown_kind_names_those_that_there_are(file: Path) -> None:
    error = invoke(file, "--kinds", "buy,byu").exception
    assert isinstance(error, ConfigurationError)
    assert str(error) == f"{file} has no events of kind byu"
    assert error.remedy == "it has the kinds buy, refund"


def test_a_file_without_kinds_or_events(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("who,what,when\nu,a,2020-01-01\nu,a,2020-01-02\nv,a,2020-01-03\n")
    columns = ["--user-column", "who", "--item-column", "what", "--time-column", "when"]
    figures = as_json(path, *columns)
    assert figures["scored"] == 1
    assert "by_kind" not in figures
    path.write_text("user_id,item_id,ts\n")
    error = invoke(path).exception
    assert isinstance(error, ConfigurationError)
    assert str(error) == f"{path} has no events"


@pytest.mark.parametrize("after", ["2020-01-01T09:00:00", "2020-01-01 10:00:00+01:00", str(BEGIN_MS + 9 * HOUR_MS)])
def test_only_events_from_a_time_on_are_scored(file: Path, after: str) -> None:
    assert as_json(file, "--score-after", after)["scored"] == 2


def test_only_events_of_some_users_are_scored_without_the_first_of_each(file: Path, tmp_path: Path) -> None:
    users = tmp_path / "users.txt"
    users.write_text("u2\n\nu3\n")
    figures = as_json(file, "--score-users", users)
    assert figures["scored"] == figures["first_events_included"]["scored"] == 4
    users.write_text("nobody\n")
    figures = as_json(file, "--score-users", users)
    assert (figures["scored"], figures["hr_at_20"]) == (0, None)


def test_what_is_not_scored_is_learned_all_the_same() -> None:
    pairs = [(user, item) for user in "stuvw" for item in "abc"]
    whole = figures_of(stream_of(*pairs))
    part = figures_of(stream_of(*pairs), Scoring(users=frozenset("w")))
    assert part["scored"] == 2 < whole["scored"]
    assert part["experts"]["next"]["mrr_at_20"] == 1.0


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (["--score-after", "yesterday"], "--score-after yesterday is no time"),
        (["--beside", "refund"], "--beside refund names no weights"),
        (["--beside", "refund=nan"], "--beside refund=nan names no weights"),
        (["--score-users", "none.txt"], "cannot read none.txt"),
        (["--score-users", "none.txt", "--score-after", "5"], "two choices of what to score"),
        (["--set", "learning.repeat=auto"], "unknown setting learning.repeat"),
    ],
)
def test_options_that_make_no_sense_are_refused(file: Path, arguments: Sequence[str], cause: str) -> None:
    error = invoke(file, *arguments).exception
    assert isinstance(error, ConfigurationError)
    assert cause in str(error)
    assert error.remedy


def test_repeats_are_a_setting_and_a_flag(file: Path) -> None:
    """Excluded, an event is scored when the user has not had its item, the user's first included."""
    assert as_json(file, "--repeats", "exclude")["seen_excluded"] is True
    assert as_json(file, "--set", "learning.repeats=exclude")["scored"] == 9
    assert as_json(file, "--set", "learning.repeats=exclude", "--repeats", "allow")["scored"] == 6


def test_items_that_the_user_had_are_not_scored_when_they_are_excluded() -> None:
    pairs = [("u", "a"), ("u", "b"), ("u", "a"), ("v", "a"), ("v", "a")]
    assert figures_of(stream_of(*pairs), repeats=Repeats.EXCLUDE)["scored"] == 1
    assert figures_of(stream_of(*pairs), repeats=Repeats.ALLOW)["scored"] == 2


def test_bounds_that_are_too_low_are_raised_to_fit() -> None:
    pairs = [(f"u{index}", f"i{index % 50}") for index in range(100)]
    assert figures_of(stream_of(*pairs), max_items=3, max_users=2)["items"] == 50


def test_progress_is_told_up_to_the_end() -> None:
    told: list[int] = []
    evaluate(stream_of(("u", "a"), ("u", "b")), RecommenderOptions(), Scoring(), told.append)
    assert told == [2]


def test_the_table_is_for_people(file: Path) -> None:
    output = invoke(file).output
    assert "12 events of 4 users on 3 items; 6 scored, users' own items kept" in output
    rows = [line.split()[0] for line in output.splitlines()[1:]]
    assert rows[0] == "HR@10"
    assert {"blend", "second", "first", "popular_fast", "next"} <= set(rows)
    assert "Catalogue coverage at 10    100.0%" in output
    assert "Novelty at 20               1.58 bits" in output


@pytest.mark.shared_data
@pytest.mark.skipif(not SHARED.is_dir(), reason="the data sets that do not ship are not here")
def test_the_published_test_of_yoochoose(tmp_path: Path) -> None:
    """Its 10,152 events: those of the sessions that end in the last 24 hours, after each one's first."""
    path = SHARED / "yoochoose-100k.events.parquet"
    stream = read_stream(path, ColumnNames(), Selection())
    last = dict(zip(stream.users, stream.times_ms.tolist(), strict=True))
    begin = max(last.values()) - 24 * HOUR_MS
    users = tmp_path / "users.txt"
    users.write_text("\n".join(user for user, time in last.items() if time > begin))
    figures = as_json(path, "--score-users", users)
    assert (figures["events"], figures["scored"]) == (83_846, 10_152)
    assert not figures["seen_excluded"]
    assert figures["hr_at_20"] > 0.65
    assert figures["hr_at_20"] > max(expert["hr_at_20"] for expert in figures["experts"].values())
