"""The sequence expert starts from what `millrace train` wrote; what cannot serve is refused with a reason."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from typer.testing import CliRunner

from models.batch import Interactions
from models.neural.encoders.encoder import EncoderConfig
from models.neural.network import Asked, network_of
from models.neural.plan import TasksPlan
from models.neural.tasks.network import Ranker, TaskNetwork, Teller
from models.neural.tuned import new_encoder
from models.sequence_options import LORA, SequenceOptions
from worker.adapters.clock import SystemClock
from worker.assembly import new_recommender, sequence_options
from worker.cli import app
from worker.errors import ConfigurationError, StateError
from worker.settings import ExpertSettings, load
from worker.trained_model import CONFIG, MODEL, HeadChoice, read_base

KINDS = ("view", "purchase")
KINDS_BY_NAME = sorted(KINDS)
SMALL = ["--epochs", "1", "--blocks", "1"]
ANY = HeadChoice()

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some users, each with ten of 20 items."""
    path = tmp_path_factory.mktemp("events") / "events.csv"
    rows = [
        f"u{user},i{(user + step) % 20},{1000 + 30 * step + user},{KINDS[step % 2]},{step % 5}"
        for step in range(10)
        for user in range(30)
    ]
    path.write_text("\n".join(["user_id,item_id,timestamp,event,value", *rows]) + "\n")
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
    read_base(folder, 0, ANY)
    content = bytearray((folder / MODEL).read_bytes())
    content[-3] ^= 1
    (folder / MODEL).write_bytes(content)
    with pytest.raises(StateError, match=r"model\.safetensors was altered"):
        read_base(folder, 0, ANY)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--model", "ncf"], "model ncf with head mlp cannot be the base"),
        (["--head", "bilinear"], "model sasrec with head bilinear cannot be the base"),
        (["--tasks", "kinds", "--head", "bilinear"], "model sasrec with head bilinear cannot be the base"),
        (["--width", "32"], "a model of width 32 and length 50 cannot be the base"),
        (["--length", "19"], "a model of width 64 and length 19 cannot be the base"),
        (["--length", "27"], "a model of width 64 and length 27 cannot be the base"),
    ],
)
def test_a_model_of_another_kind_or_size_is_refused(
    make_model: Callable[..., Path], options: list[str], reason: str
) -> None:
    with pytest.raises(StateError, match=reason):
        read_base(make_model(*options), 8, ANY)


@pytest.mark.parametrize("towers", ["shared-bottom", "mmoe"])
@pytest.mark.parametrize("names", [("purchase",), ("purchase", "view")])
def test_the_expert_scores_items_as_the_chosen_heads_do_in_the_mean(
    make_model: Callable[..., Path], towers: str, names: tuple[str, ...]
) -> None:
    tasks = "kinds,values" if "view" in names else "kinds"
    learned = ("--rate", "0.03", "--warmup-steps", "1", "--epochs", "6")  # the heads come to differ
    folder = make_model("--length", "20", "--tasks", tasks, "--towers", towers, *learned)
    base = read_base(folder, 0, HeadChoice(names))
    network = task_network(folder)
    histories = torch.tensor([[3, 7, 1], [4, -1, -1]])
    with torch.no_grad():
        vectors = network.shared(Asked(torch.zeros(2, dtype=torch.int64), histories))
        awaited = [Ranker(network, KINDS_BY_NAME.index(name)).scores(vectors) for name in names]
        tuned = new_encoder(SequenceOptions(base=base))
        tuned.encoder.eval()
        own = tuned.read(torch.from_numpy(base.items), histories) @ torch.from_numpy(base.items.T)
    torch.testing.assert_close(own + torch.from_numpy(base.bias), torch.stack(awaited).mean(0), rtol=1e-4, atol=1e-4)


def task_network(folder: Path) -> TaskNetwork:
    """The model as `millrace train` had it."""
    config, arrays = json.loads((folder / CONFIG).read_text()), load_file(folder / MODEL)
    plan = config["plan"]
    tasks = TasksPlan(**plan["tasks"])
    shared = network_of(plan["model"], 0, len(config["items"]), EncoderConfig(**plan["encoder"]), plan["head"])
    teller = Teller(64, torch.zeros(len(config["items"]))) if tasks.values else None
    network = TaskNetwork(shared, len(arrays["biases"]), tasks, 0.0, teller)
    network.load_state_dict({name: torch.from_numpy(each) for name, each in arrays.items()})
    return network.eval()


@pytest.mark.parametrize(
    ("chosen", "objective", "heads"),
    [
        ((), (), ("purchase", "view")),
        ((), ("view",), ("view",)),
        ((), ("like", "view"), ("view",)),
        ((), ("like",), ("purchase", "view")),
        (("purchase",), ("view",), ("purchase",)),
    ],
)
def test_the_heads_of_the_objective_score_unless_others_are_named(
    make_model: Callable[..., Path], chosen: tuple[str, ...], objective: tuple[str, ...], heads: tuple[str, ...]
) -> None:
    experts = ExpertSettings(
        sequence=True, sequence_base=make_model("--length", "20", "--tasks", "kinds"), sequence_head=chosen
    )
    base = sequence_options(experts, objective).base
    assert base
    assert base.heads
    assert base.heads.names == heads


def test_one_head_for_all_kinds_beside_values_scores(make_model: Callable[..., Path]) -> None:
    base = read_base(make_model("--length", "20", "--tasks", "next,values"), 0, HeadChoice((), ("view",)))
    assert base.heads
    assert base.heads.names == ("next",)


def test_a_head_that_is_not_there_is_refused_with_those_that_are(make_model: Callable[..., Path]) -> None:
    folder = make_model("--length", "20", "--tasks", "kinds")
    with pytest.raises(StateError, match=r"sequence_head: like, but the model in .* has heads for purchase, view only"):
        read_base(folder, 0, HeadChoice(("like", "view")))
    with pytest.raises(StateError, match=r"sequence_head: view, but the model in .* has one head for all kinds"):
        read_base(make_model("--length", "20"), 0, HeadChoice(("view",)))
    with pytest.raises(ConfigurationError, match=r"experts\.sequence_head = view needs a model"):
        sequence_options(ExpertSettings(sequence=True, sequence_head=("view",)))


def test_a_model_that_tells_values_alone_is_refused(make_model: Callable[..., Path]) -> None:
    with pytest.raises(StateError, match="tells values only, it has no head for items"):
        read_base(make_model("--length", "20", "--tasks", "values"), 0, ANY)


def test_a_folder_without_a_whole_model_is_refused(make_model: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(StateError, match="cannot read the model"):
        read_base(tmp_path / "nowhere", 0, ANY)
    folder = make_model("--length", "20")
    config = json.loads((folder / CONFIG).read_text())
    for damage in ("{", json.dumps({"sha256": config["sha256"]}), json.dumps({**config, "items": config["items"][1:]})):
        (folder / CONFIG).write_text(damage)
        with pytest.raises(StateError, match="cannot read the model"):
            read_base(folder, 0, ANY)


def test_a_model_proposes_items_of_its_own_unless_told_otherwise(make_model: Callable[..., Path]) -> None:
    chosen = ExpertSettings(sequence=True, sequence_base=make_model("--length", "20"))
    assert sequence_options(chosen).proposals == 64
    assert sequence_options(chosen.model_copy(update={"sequence_proposals": 0})).proposals == 0
    assert sequence_options(ExpertSettings(sequence=True)).proposals == 0


def test_a_part_of_a_model_cannot_be_tuned_without_a_model() -> None:
    with pytest.raises(ConfigurationError, match=r"experts\.sequence_tuning = lora needs a model"):
        sequence_options(ExpertSettings(sequence=True, sequence_tuning="lora"))
    assert sequence_options(ExpertSettings(sequence_tuning="lora")).base is None
