"""`millrace tune`: what it searches, that a killed search goes on to the same end, and what it says of the gain."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from typer.testing import CliRunner, Result

from models.comparison import difference_interval
from models.recommender import RecommenderOptions
from producers.readers import ColumnNames
from tests.support.waiting import wait_until
from worker.cli import app
from worker.errors import ConfigurationError, StateError
from worker.offline import Scoring, Selection, evaluate, of_kinds, read_stream
from worker.settings import load
from worker.settings_toml import as_table_entries
from worker.tuning.passes import Pass, gain_of, run_pass, weighed
from worker.tuning.space import as_settings, value_of

pytestmark = pytest.mark.usefixtures("no_settings_from_outside")

ITEMS, USERS, EVENTS_A_USER = 60, 40, 15
QUICK = ("--settings", "learning.renewal,events.kinds.glance", "--share", "0.5")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Users who buy round the items in threes; between two purchases they glance at any item."""
    path = tmp_path_factory.mktemp("events") / "events.csv"
    draws = np.random.default_rng(3)
    starts = draws.integers(0, ITEMS, USERS).tolist()
    rows = [
        line
        for step in range(EVENTS_A_USER)
        for user, start in enumerate(starts)
        for line in (
            f"u{user},i{draws.integers(0, ITEMS):02},{1_600_000_000 + 2 * (step * USERS + user)},glance\n",
            f"u{user},i{(start + 3 * step) % ITEMS:02},{1_600_000_001 + 2 * (step * USERS + user)},buy\n",
        )
    ]
    path.write_text("user_id,item_id,timestamp,event\n" + "".join(rows))
    return path


def run(file: Path, *arguments: object) -> Result:
    return CliRunner().invoke(app, ["tune", str(file), "--score", "buy", *map(str, arguments)])


def figures(file: Path, *arguments: object) -> dict[str, Any]:
    """What was printed for programs, less times."""
    result = run(file, "--json", *arguments)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    del found["seconds"]
    if found["confirmed"]:
        del found["confirmed"]["seconds"]
    return found


def refusal(result: Result) -> BaseException:
    assert result.exception is not None
    return result.exception


def test_a_kind_that_misleads_is_weighed_down_and_the_gain_is_beyond_chance(file: Path) -> None:
    """Of 60 items, 20 are hit by chance; glances tell nothing of purchases, and weigh as much as these at first."""
    found = figures(file, *QUICK, "--trials", "12")
    assert found["in_force"]["settings"] == {"learning.renewal": True, "events.kinds.glance": 1.0}
    assert found["trials"][0]["chosen"] == found["in_force"]["settings"]
    assert found["trials"][0]["value"] == found["in_force"]["value"]
    assert found["best"]["value"] == max(each["value"] for each in found["trials"] if not each["is_pruned"])
    assert found["to_write"]["events.kinds.glance"] < 1
    confirmed = found["confirmed"]
    assert confirmed["tuned"] - confirmed["in_force"] == pytest.approx(confirmed["difference"])
    assert 0 < confirmed["low"] < confirmed["difference"] < confirmed["high"]
    assert confirmed["verdict"] == "better"


def test_the_output_is_a_file_of_settings_with_comments(file: Path, tmp_path: Path) -> None:
    result = run(file, *QUICK, "--trials", "12")
    assert result.exit_code == 0, result.output
    written = tmp_path / "tuned.toml"
    written.write_text(result.stdout)
    kinds = load(written, environment={}).events.kinds
    assert kinds["buy"] == 1
    assert kinds["glance"] < 1
    assert tomllib.loads(result.stdout)["events"]["kinds"] == {name: kinds[name] for name in ("buy", "glance")}
    comments = [line for line in result.stdout.splitlines() if line.startswith("#")]
    assert "12 trials" in comments[0]
    assert "That is more than chance." in " ".join(comments)
    assert "trial 12 of 12: HR@20" in result.stderr


def test_a_pass_finds_what_evaluate_finds(file: Path) -> None:
    stream = read_stream(file, ColumnNames(), Selection(weights={"glance": 0.3}, kinds=frozenset({"buy"})))
    weights = {"buy": 1.0, "glance": 0.3}
    assert weighed(stream, weights).weights.tolist() == stream.weights.tolist()
    evaluation = evaluate(stream, RecommenderOptions(), Scoring(not_kinds=frozenset({"glance"})))
    heard: list[tuple[int, float]] = []
    counted = of_kinds(stream, {"buy"})
    found = run_pass(stream, RecommenderOptions(), counted, "ndcg_at_10", lambda *told: heard.append(told))
    assert np.array_equal(found.ranks, evaluation.ranks)
    assert np.array_equal(found.scored, evaluation.scored)
    assert found.mean("ndcg_at_10") == pytest.approx(evaluation.figures["ndcg_at_10"])
    assert [block for block, _ in heard] == list(range(1, 11))
    assert heard[-1][1] == found.mean("ndcg_at_10")


def test_the_objective_is_searched_where_some_kinds_do_not_count(file: Path) -> None:
    found = figures(file, "--settings", "learning.objective", "--trials", "4", "--share", "0.5")
    assert found["choices"] == {"learning.objective": ["", "buy"]}
    stream = read_stream(file, ColumnNames(), Selection()).slice(0, found["events"]["searched"])
    counted = of_kinds(stream, {"buy"})
    aims = {"": stream, "buy": replace(stream, of_objective=counted)}
    for trial in found["trials"]:
        measured = run_pass(aims[trial["chosen"]["learning.objective"]], RecommenderOptions(), counted, "hr_at_20")
        assert trial["value"] == measured.mean("hr_at_20")


def test_an_objective_is_written_as_the_list_of_kinds_that_it_is(tmp_path: Path) -> None:
    written = tmp_path / "tuned.toml"
    for objective in ("like,purchase", "purchase", ""):
        written.write_text(as_table_entries(as_settings({"learning.objective": objective, "learning.renewal": False})))
        settings = load(written, environment={})
        assert ",".join(settings.learning.objective) == objective
        assert value_of(settings, "learning.objective") == objective
        assert not settings.learning.renewal


def test_the_gain_is_that_of_the_later_events_alone(file: Path) -> None:
    found = figures(file, *QUICK, "--trials", "6", "--metric", "mrr@20")
    stream = read_stream(file, ColumnNames(), Selection())
    later = of_kinds(stream, {"buy"}) & (np.arange(len(stream)) >= found["events"]["searched"])
    before, after = (
        run_pass(weighed(stream, weights), RecommenderOptions(renewal=renewal), later, "mrr_at_20")
        for weights, renewal in (
            ({"buy": 1.0, "glance": 1.0}, True),
            (
                {"buy": 1.0, "glance": found["best"]["settings"]["events.kinds.glance"]},
                found["best"]["settings"]["learning.renewal"],
            ),
        )
    )
    gain = after.gains("mrr_at_20")[later & after.scored] - before.gains("mrr_at_20")[later & before.scored]
    assert found["confirmed"]["scored"] == len(gain)
    interval = difference_interval(gain)
    assert [found["confirmed"][name] for name in ("difference", "low", "high")] == pytest.approx(list(interval))


def test_the_same_seed_proposes_the_same_and_another_one_does_not(file: Path) -> None:
    first, again, other = (figures(file, *QUICK, "--trials", "5", "--seed", seed) for seed in (1, 1, 2))
    assert first == again
    assert [each["chosen"] for each in first["trials"]] != [each["chosen"] for each in other["trials"]]


def test_more_trials_go_on_from_those_of_the_study(file: Path, tmp_path: Path) -> None:
    study = tmp_path / "study.db"
    first = figures(file, *QUICK, "--trials", "4", "--study", study)
    assert figures(file, *QUICK, "--trials", "4", "--study", study) == first
    longer = figures(file, *QUICK, "--trials", "9", "--study", study)
    assert longer["trials"][:4] == first["trials"]
    assert longer == figures(file, *QUICK, "--trials", "9")


def test_after_kill_9_in_a_trial_the_same_command_goes_on_to_the_same_end(file: Path, tmp_path: Path) -> None:
    study = tmp_path / "study.db"
    arguments = (*QUICK, "--trials", "9", "--study", str(study))
    command = [sys.executable, "-m", "worker", "tune", str(file), "--score", "buy", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(os.environ))
    try:
        wait_until(lambda: states(study).count("COMPLETE") >= 3 and "RUNNING" in states(study), 200, "a fourth trial")
    finally:
        process.send_signal(signal.SIGKILL)
        output, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL, output
    ended = [state for state in states(study) if state in ("COMPLETE", "PRUNED")]
    assert 3 <= len(ended) < 9
    assert figures(file, *arguments) == figures(file, *QUICK, "--trials", "9")


def states(study: Path) -> list[str]:
    """Of the trials in the file, by now."""
    if not study.exists():
        return []
    try:
        with sqlite3.connect(f"file:{study}?mode=ro", uri=True) as connection:
            return [state for (state,) in connection.execute("SELECT state FROM trials ORDER BY number")]
    except sqlite3.OperationalError:  # it is being made
        return []


def test_settings_that_were_tried_are_not_measured_again(file: Path) -> None:
    """Two values: what comes after the second trial repeats one of the two figures."""
    found = figures(file, "--settings", "learning.renewal", "--trials", "8", "--share", "0.3")
    assert len(found["trials"]) == 8
    assert len({(each["chosen"]["learning.renewal"], each["value"]) for each in found["trials"]}) == 2


def test_where_nothing_is_better_it_says_so_and_prints_no_setting(file: Path) -> None:
    result = run(file, "--settings", "learning.ranker_share", "--trials", "1", "--share", "0.3")
    assert result.exit_code == 0, result.output
    assert "there is nothing to change" in result.stdout
    assert tomllib.loads(result.stdout) == {}


@pytest.mark.parametrize(("gained", "lost", "verdict"), [(30, 0, "better"), (26, 24, "within noise"), (0, 30, "worse")])
def test_a_gain_is_told_from_noise(gained: int, lost: int, verdict: str) -> None:
    """Of 1,000 events, all hit before but those that are gained; the first 200 do not count."""
    ranks = np.full(1000, 5, np.float32)
    scored = np.arange(1000) >= 200
    places = np.random.default_rng(1).permutation(np.arange(200, 1000))
    before, after = ranks.copy(), ranks.copy()
    before[places[:gained]] = np.inf
    after[places[gained : gained + lost]] = np.inf
    after[:200] = np.inf
    gain = gain_of(Pass(before, scored), Pass(after, scored), "hr_at_20")
    assert gain["scored"] == 800
    assert gain["difference"] == pytest.approx((gained - lost) / 800)
    assert gain["verdict"] == verdict


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--settings", "lists.diversity"), "lists.diversity cannot be searched"),
        (("--settings", "events.kinds.buy"), "events.kinds.buy cannot be searched"),
        (("--settings", "experts.sequence_encoder"), "does nothing while experts.sequence is false"),
        (("--score", "buy,glance", "--settings", "learning.objective"), "all kinds that teach count"),
        (("--score", "refund"), "no event of kind refund can count"),
        (("--events", "5"), "5 of 1200 events cannot be searched"),
        (("--events", "1200"), "1200 of 1200 events cannot be searched"),
        (("--set", "learning.renewal=perhaps"), "learning.renewal"),
        (("--study", "no/such/folder/study.db"), "there is no folder"),
    ],
)
def test_what_cannot_be_searched_is_refused(file: Path, arguments: tuple[str, ...], named: str) -> None:
    error = refusal(run(file, "--trials", "1", *arguments))
    assert isinstance(error, ConfigurationError)
    assert named in str(error)
    assert error.remedy


def test_events_of_which_none_counts_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    file.write_text("user_id,item_id,timestamp,event\n" + "".join(f"u,i{n},{n},buy\n" for n in range(40)))
    error = refusal(run(file, "--trials", "1"))
    assert isinstance(error, ConfigurationError)
    assert "no event of the searched part counts" in str(error)


def test_a_study_of_another_search_is_refused_and_the_difference_named(file: Path, tmp_path: Path) -> None:
    study = tmp_path / "study.db"
    figures(file, *QUICK, "--trials", "1", "--study", study)
    for arguments, difference in (
        (("--seed", "4"), "seed"),
        (("--metric", "ndcg@10"), "metric"),
        (("--events", "500"), "events"),
        (("--set", "learning.ranker_share=0.5"), "settings"),
    ):
        error = refusal(run(file, *QUICK, "--trials", "1", "--study", study, *arguments))
        assert isinstance(error, StateError)
        assert difference in str(error)


def test_a_file_that_is_no_study_is_refused(file: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.db"
    text.write_text("no database")
    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE studies (mine TEXT)")
    connection.close()
    for study in (text, foreign):
        error = refusal(run(file, *QUICK, "--trials", "1", "--study", study))
        assert isinstance(error, StateError)
        assert error.remedy == "name another file with --study"


def test_a_trial_that_is_behind_the_others_is_given_up_before_its_end(file: Path, tmp_path: Path) -> None:
    study = tmp_path / "study.db"
    found = figures(file, *QUICK, "--trials", "12", "--study", study)
    given_up = [trial for trial in found["trials"] if trial["is_pruned"]]
    assert given_up
    assert found["best"]["number"] not in {trial["number"] for trial in given_up}
    assert "PRUNED" in states(study)
    blocks = "SELECT max(step) FROM trial_intermediate_values JOIN trials USING (trial_id) WHERE state = 'PRUNED'"
    with sqlite3.connect(study) as connection:
        ((last,),) = connection.execute(blocks + " GROUP BY trial_id ORDER BY 1 LIMIT 1")
    connection.close()
    assert 2 <= last < 10


def test_two_searches_do_not_share_a_study_at_once(file: Path, tmp_path: Path) -> None:
    study = tmp_path / "study.db"
    with FileLock(f"{study}.lock"):
        error = refusal(run(file, *QUICK, "--trials", "1", "--study", study))
    assert isinstance(error, ConfigurationError)
    assert "another process works on" in str(error)
    assert figures(file, *QUICK, "--trials", "1", "--study", study)["trials"]


def test_without_optuna_it_says_what_to_install(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    error = refusal(run(file))
    assert isinstance(error, ConfigurationError)
    assert error.remedy == "pip install 'millrace[tune]'"
