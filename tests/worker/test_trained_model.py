"""The sequence expert starts from what `millrace train` wrote; what cannot serve is refused with a reason."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from typer.testing import CliRunner

from models.batch import Interactions
from models.sequence_options import LORA
from worker.adapters.clock import SystemClock
from worker.assembly import new_recommender, sequence_options
from worker.cli import app
from worker.errors import ConfigurationError, StateError
from worker.settings import ExpertSettings, load
from worker.trained_model import CONFIG, MODEL, read_base

KINDS = ("view", "purchase")
SMALL = ["--epochs", "1", "--blocks", "1"]

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some users, each with ten of 20 items."""
    path = tmp_path_factory.mktemp("events") / "events.csv"
    rows = [
        f"u{user},i{(user + step) % 20},{1000 + 30 * step + user},{KINDS[step % 2]}"
        for step in range(10)
        for user in range(30)
    ]
    path.write_text("\n".join(["user_id,item_id,timestamp,event", *rows]) + "\n")
    return path


@pytest.fixture
def make_model(events: Path, tmp_path: Path) -> Callable[..., Path]:
    """Trains with more options, and gives the folder."""

    def make(*options: str) -> Path:
        folder = tmp_path / "-".join(["model", *options])
        arguments = ["train", str(events), "--out", str(folder), *SMALL, *options]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        return folder

    return make


@pytest.mark.parametrize("model", ["sasrec", "gru", "cnn", "pooled"])
def test_a_worker_scores_by_the_model_from_its_first_event(make_model: Callable[..., Path], model: str) -> None:
    folder = make_model("--model", model, "--length", "28")
    chosen = {"experts.sequence": True, "experts.sequence_base": folder, "experts.sequence_tuning": LORA}
    recommender = new_recommender(load(overrides=chosen, environment={}), SystemClock())
    recommender.learn(recommender.new_shard(), Interactions.of(["u1"], ["i3"], [1]))
    row, items = json.loads((folder / CONFIG).read_text())["items"].index("i3"), load_file(folder / MODEL)["items"]
    np.testing.assert_array_equal(recommender.knowledge.sequence.items[recommender.vocabulary.row("i3")], items[row])


def test_a_model_that_was_altered_is_refused(make_model: Callable[..., Path]) -> None:
    folder = make_model("--length", "20")
    read_base(folder, prefixes=0)
    content = bytearray((folder / MODEL).read_bytes())
    content[-3] ^= 1
    (folder / MODEL).write_bytes(content)
    with pytest.raises(StateError, match=r"model\.safetensors was altered"):
        read_base(folder, prefixes=0)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--model", "ncf"], "model ncf with head mlp cannot be the base"),
        (["--head", "bilinear"], "model sasrec with head bilinear cannot be the base"),
        (["--tasks", "kinds"], "a model of several tasks cannot be the base"),
        (["--width", "32"], "a model of width 32 and length 50 cannot be the base"),
        (["--length", "19"], "a model of width 64 and length 19 cannot be the base"),
        (["--length", "27"], "a model of width 64 and length 27 cannot be the base"),
    ],
)
def test_a_model_of_another_kind_or_size_is_refused(
    make_model: Callable[..., Path], options: list[str], reason: str
) -> None:
    with pytest.raises(StateError, match=reason):
        read_base(make_model(*options), prefixes=8)


def test_a_folder_without_a_whole_model_is_refused(make_model: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(StateError, match="cannot read the model"):
        read_base(tmp_path / "nowhere", prefixes=0)
    folder = make_model("--length", "20")
    config = json.loads((folder / CONFIG).read_text())
    for damage in ("{", json.dumps({"sha256": config["sha256"]}), json.dumps({**config, "items": config["items"][1:]})):
        (folder / CONFIG).write_text(damage)
        with pytest.raises(StateError, match="cannot read the model"):
            read_base(folder, prefixes=0)


def test_a_model_proposes_items_of_its_own_unless_told_otherwise(make_model: Callable[..., Path]) -> None:
    chosen = ExpertSettings(sequence=True, sequence_base=make_model("--length", "20"))
    assert sequence_options(chosen).proposals == 64
    assert sequence_options(chosen.model_copy(update={"sequence_proposals": 0})).proposals == 0
    assert sequence_options(ExpertSettings(sequence=True)).proposals == 0


def test_a_part_of_a_model_cannot_be_tuned_without_a_model() -> None:
    with pytest.raises(ConfigurationError, match=r"experts\.sequence_tuning = lora needs a model"):
        sequence_options(ExpertSettings(sequence=True, sequence_tuning="lora"))
    assert sequence_options(ExpertSettings(sequence_tuning="lora")).base is None
