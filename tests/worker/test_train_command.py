"""`millrace train`: what it leaves, that it goes on after kill -9, and what it refuses."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from typer.testing import CliRunner, Result

from models.neural.offline import Trainer
from tests.support.waiting import wait_until
from worker.cli import app
from worker.errors import ConfigurationError, StateError

ITEMS, USERS, EVENTS_A_USER = 20, 60, 12
SMALL = ["--width", "8", "--length", "6", "--blocks", "1", "--rate", "0.01"]
TIMES = {"training_seconds", "steps_per_second", "test_seconds"}


pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Users who go round the items in threes, all at once."""
    path = tmp_path_factory.mktemp("events") / "events.csv"
    starts = np.random.default_rng(3).integers(0, ITEMS, USERS).tolist()
    rows = [
        f"u{user},i{(start + 3 * step) % ITEMS:02},{1_600_000_000 + step * USERS + user},view\n"
        for step in range(EVENTS_A_USER)
        for user, start in enumerate(starts)
    ]
    path.write_text("user_id,item_id,timestamp,event\n" + "".join(rows))
    return path


def run(file: Path, out: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["train", str(file), "--out", str(out), *SMALL, *arguments])


def figures(file: Path, out: Path, *arguments: str) -> dict[str, Any]:
    """What was printed, less times."""
    result = run(file, out, "--json", *arguments)
    assert result.exit_code == 0, result.output
    return {name: value for name, value in json.loads(result.stdout).items() if name not in TIMES}


def refusal(result: Result) -> BaseException:
    assert result.exception is not None
    return result.exception


def test_it_leaves_a_model_its_configuration_and_a_card(file: Path, tmp_path: Path) -> None:
    found = figures(file, tmp_path / "model", "--epochs", "15")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    arrays = load_file(tmp_path / "model" / "model.safetensors")
    card = (tmp_path / "model" / "MODEL.md").read_text()
    assert sum(array.size for array in arrays.values()) == found["parameters"]
    assert config["items"] == [f"i{item:02}" for item in range(ITEMS)]
    assert config["figures"]["test"] == found["test"]
    assert config["plan"]["encoder"]["width"] == 8
    assert f"{found['test']['hr_at_10']:.4f}" in card
    assert "events.csv: 720 events of 60 users. 576 events train" in card
    assert found["data"]["validation"] == found["data"]["test"] == 72
    assert found["test"]["hr_at_10"] > 0.9  # by chance: .5


def test_it_prints_a_table_for_people(file: Path, tmp_path: Path) -> None:
    result = run(file, tmp_path, "--model", "gru", "--epochs", "1")
    assert "gru: 576 events trained, 1 epochs" in result.output
    assert "HR@20" in result.output


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same users: they view and buy by turns, and rate by whether the item's number is even."""
    path = tmp_path_factory.mktemp("rated") / "rated.csv"
    starts = np.random.default_rng(3).integers(0, ITEMS, USERS).tolist()
    rows = [
        f"u{user},i{(start + 3 * step) % ITEMS:02},{1_600_000_000 + step * USERS + user},"
        f"{'view' if (step + user) % 2 else 'buy'},{5 - 4 * ((start + 3 * step) % 2)}\n"
        for step in range(EVENTS_A_USER)
        for user, start in enumerate(starts)
    ]
    path.write_text("user_id,item_id,timestamp,event,stars\n" + "".join(rows))
    return path


TASKS = ["--tasks", "kinds,values", "--value-column", "stars"]


def test_figures_of_each_kind_and_of_values_are_printed_and_stand_in_the_card(rated: Path, tmp_path: Path) -> None:
    arguments = [*TASKS, "--towers", "mmoe", "--epochs", "2"]
    found = figures(rated, tmp_path, *arguments)
    test, card = found["test"], (tmp_path / "MODEL.md").read_text()
    assert test["kinds"]["buy"]["events"] + test["kinds"]["view"]["events"] == test["events"] == 72
    assert f"| test, buy | {test['kinds']['buy']['hr_at_10']:.4f} |" in card
    assert f"- test: RMSE {test['values']['rmse']:.4f} over 72 events that state a value" in card
    assert "- towers: mmoe" in card
    printed = run(rated, tmp_path, *arguments).output
    assert "validation, view" in printed
    assert f"test: RMSE {test['values']['rmse']:.4f}" in printed


def test_liked_or_not_is_learned_from_a_value_on(rated: Path, tmp_path: Path) -> None:
    arguments = ["--tasks", "values", "--value-column", "stars", "--value-loss", "bce", "--liked-from", "4"]
    found = figures(rated, tmp_path, *arguments, "--epochs", "30")
    assert found["test"]["values"]["auc"] > 0.95
    assert "hr_at_10" not in found["test"]
    assert "HR@10" not in (tmp_path / "MODEL.md").read_text()
    assert "AUC" in run(rated, tmp_path, *arguments, "--epochs", "30").output


def test_tasks_that_the_events_do_not_have_are_refused(file: Path, tmp_path: Path) -> None:
    for tasks, said in (("kinds", "the events are of one kind only"), ("values", "no event states a value")):
        error = refusal(run(file, tmp_path / "model", "--tasks", tasks))
        assert isinstance(error, ConfigurationError)
        assert said in str(error)
    assert not (tmp_path / "model").exists()


def test_what_comes_before_and_beside_training_changes_the_model_and_stands_in_the_card(
    file: Path, tmp_path: Path
) -> None:
    arguments = ["--epochs", "1", "--pretrain", "masked", "--pretrain-epochs", "3", "--augment", "mask,crop"]
    found = figures(file, tmp_path / "whole", *arguments, "--adversarial", "0.5")
    plain = figures(file, tmp_path / "plain", "--epochs", "1")
    assert found["validation"] != plain["validation"]
    assert len(found["pretraining"]) == 3
    card = (tmp_path / "whole" / "MODEL.md").read_text()
    assert "- augment: crop, mask\n- adversarial: 0.5" in card
    assert "- task: masked\n- epochs: 3" in card


def test_a_checkpoint_without_pretraining_is_not_gone_on_from_with_it(file: Path, tmp_path: Path) -> None:
    figures(file, tmp_path, "--epochs", "1")
    error = refusal(run(file, tmp_path, "--epochs", "1", "--pretrain", "masked"))
    assert "differs in pretraining" in str(error)
    assert not (tmp_path / "pretraining.safetensors").exists()


@pytest.mark.parametrize("model", ["gru", "cnn", "pooled", "ncf"])
def test_each_model_trains_and_the_same_seed_gives_the_same_figures(file: Path, tmp_path: Path, model: str) -> None:
    first, again, other = (
        figures(file, tmp_path / name, "--model", model, "--epochs", "2", "--seed", seed)
        for name, seed in (("first", "1"), ("again", "1"), ("other", "2"))
    )
    assert first == again
    assert first["history"] != other["history"]


def test_each_stage_is_logged_for_tensorboard(file: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    arguments = ["--epochs", "2", "--pretrain", "masked", "--pretrain-epochs", "1", "--batch", "2"]
    found = figures(file, tmp_path / "model", *arguments, "--tensorboard", str(log))
    training = EventAccumulator(str(log / "training")).Reload()
    assert [event.value for event in training.Scalars("epoch/ndcg_at_10")] == pytest.approx(
        [epoch["ndcg_at_10"] for epoch in found["history"]]
    )
    assert training.Scalars("loss")
    assert EventAccumulator(str(log / "pre-training")).Reload().Scalars("epoch/loss")


def test_steps_hold_as_many_histories_and_validation_waits_as_many_epochs_as_asked(file: Path, tmp_path: Path) -> None:
    some, twice = (figures(file, tmp_path / size, "--epochs", "1", "--batch", size) for size in ("8", "4"))
    assert twice["steps"] == pytest.approx(2 * some["steps"], abs=1)
    stuck = figures(file, tmp_path / "stuck", "--epochs", "9", "--rate", "0", "--patience", "2")
    assert stuck["epochs"] == 3
    drawn = ["--epochs", "1", "--objective", "bpr", "--negatives"]
    few, many = (figures(file, tmp_path / f"n{count}", *drawn, count) for count in ("1", "16"))
    assert few["history"] != many["history"]
    warmed = ["--epochs", "1", "--batch", "2", "--warmup-steps"]
    slow, quick = (figures(file, tmp_path / f"w{steps}", *warmed, steps) for steps in ("100000", "1"))
    assert slow["history"][0]["loss"] > 1.01 * quick["history"][0]["loss"]


def test_leave_one_out_tests_one_event_of_each_user(file: Path, tmp_path: Path) -> None:
    found = figures(file, tmp_path, "--epochs", "1", "--leave-one-out")
    assert (found["data"]["validation"], found["data"]["test"]) == (USERS, USERS)


def test_events_of_chosen_users_test(file: Path, tmp_path: Path) -> None:
    users = tmp_path / "users.txt"
    users.write_text("u1\nu2\n")
    found = figures(file, tmp_path / "model", "--epochs", "1", "--test-users", str(users))
    assert found["data"]["test"] == 2 * (EVENTS_A_USER - 1)  # less each one's first


def test_files_are_read_one_after_the_other(file: Path, tmp_path: Path) -> None:
    lines = file.read_text().splitlines(keepends=True)
    halves = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for half, part in zip(halves, (lines[1:300], lines[300:]), strict=True):
        half.write_text(lines[0] + "".join(part))
    whole = figures(file, tmp_path / "whole", "--epochs", "1")
    parts = figures(halves[0], tmp_path / "parts", "--epochs", "1", str(halves[1]))
    assert parts["test"] == whole["test"]


HARDENED = ["--pretrain", "contrastive", "--pretrain-epochs", "120", "--augment", "crop,mask,reorder"]


@pytest.mark.parametrize(
    ("arguments", "checkpoint"),
    [
        (["--epochs", "200", "--dropout", "0.5"], "checkpoint.safetensors"),
        ([*HARDENED, "--adversarial", "0.1", "--epochs", "2"], "pretraining.safetensors"),
    ],
)
def test_after_kill_9_it_goes_on_to_the_same_model(
    file: Path, tmp_path: Path, arguments: list[str], checkpoint: str
) -> None:
    """It takes seconds: it is killed long before the end."""
    whole = figures(file, tmp_path / "whole", *arguments)
    killed = tmp_path / "killed"
    command = [sys.executable, "-m", "worker", "train", str(file), "--out", str(killed), *SMALL, *arguments]
    process = subprocess.Popen(
        command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        wait_until((killed / checkpoint).exists, 120, "the first checkpoint")
    finally:
        process.send_signal(signal.SIGKILL)
        output, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL, output
    assert not (killed / "MODEL.md").exists()
    assert figures(file, killed, *arguments) == whole
    for name in ("model.safetensors", "MODEL.md"):
        assert (killed / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_finished_training_says_the_same_again_and_more_epochs_go_on(file: Path, tmp_path: Path) -> None:
    first = figures(file, tmp_path, "--epochs", "2")
    assert figures(file, tmp_path, "--epochs", "2") == first
    longer = figures(file, tmp_path, "--epochs", "3")
    assert longer["history"][:2] == first["history"]
    assert longer["epochs"] == 3


def test_a_checkpoint_that_was_altered_is_refused(file: Path, tmp_path: Path) -> None:
    figures(file, tmp_path, "--epochs", "1")
    checkpoint = tmp_path / "checkpoint.safetensors"
    content = bytearray(checkpoint.read_bytes())
    content[-5] ^= 1
    checkpoint.write_bytes(content)
    error = refusal(run(file, tmp_path, "--epochs", "2"))
    assert isinstance(error, StateError)
    assert "was altered" in str(error)
    assert error.remedy == "remove it to train anew"


@pytest.mark.parametrize("content", [b"", b"no checkpoint at all"])
def test_a_checkpoint_that_is_none_is_refused(file: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "checkpoint.safetensors").write_bytes(content)
    error = refusal(run(file, tmp_path))
    assert isinstance(error, StateError)
    assert "cannot read the checkpoint" in str(error)


def test_a_checkpoint_that_something_else_wrote_is_refused(file: Path, tmp_path: Path) -> None:
    save_file({"weights": np.zeros(3, np.float32)}, tmp_path / "checkpoint.safetensors")
    error = refusal(run(file, tmp_path))
    assert isinstance(error, StateError)
    assert "is no checkpoint of this version" in str(error)


def test_a_checkpoint_of_another_training_is_refused_and_the_difference_named(file: Path, tmp_path: Path) -> None:
    figures(file, tmp_path, "--epochs", "1")
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    for arguments, difference in (
        (["--seed", "3"], "seed"),
        (["--limit", "700"], "data"),
        (["--model", "gru"], "model"),
    ):
        error = refusal(run(file, tmp_path, *arguments))
        assert isinstance(error, StateError)
        assert f"differs in {difference}" in str(error)
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before


def test_training_that_diverges_says_so(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trainer, "loss", lambda trainer, places: trainer.goal.network.bias.sum() * torch.nan)
    error = refusal(run(file, tmp_path, "--epochs", "30"))
    assert isinstance(error, ConfigurationError)
    assert "training diverged: no step of an epoch" in str(error)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "lstm"], "unknown model lstm"),
        (["--objective", "hinge"], "unknown objective hinge"),
        (["--optimiser", "lion"], "unknown optimiser lion"),
        (["--head", "cosine"], "unknown head cosine"),
        (["--heads", "3"], "a width of 8 cannot be divided among 3 heads"),
        (["--limit", "5"], "no event is left to validate"),
        (["--test-share", "0"], "no event is left to test"),
        (["--leave-one-out", "--test-users", "x"], "two choices of what to hold out"),
        (["--kinds", "buy"], "has no events of kind buy"),
        (["--pretrain", "diffusion"], "unknown pre-training diffusion"),
        (["--augment", "crop,blur"], "unknown view blur"),
        (["--augment", "crop", "--model", "ncf"], "ncf reads no histories"),
        (["--pretrain", "masked", "--model", "ncf"], "ncf reads no histories"),
        (["--tasks", "clicks"], "unknown task clicks"),
        (["--tasks", "next,kinds"], "tasks next and kinds rank the same events"),
        (["--tasks", "values", "--value-loss", "bce"], "bce learns which events are liked"),
        (["--towers", "stairs"], "unknown towers stairs"),
        (["--balance", "pcgrad"], "unknown balance pcgrad"),
        (["--value-loss", "huber"], "unknown value loss huber"),
    ],
)
def test_what_cannot_be_trained_is_refused_with_a_reason(
    file: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    error = refusal(run(file, tmp_path / "model", *arguments))
    assert isinstance(error, ConfigurationError)
    assert said in str(error)
    assert error.remedy
    assert not (tmp_path / "model").exists()
