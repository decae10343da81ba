"""Training from history: it learns, goes on from any saved state, and survives what is not finite."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from models.batch import Interactions
from models.neural.full_ranking import ranks_of
from models.neural.heads import HEADS
from models.neural.histories import TEST, Histories, histories_of, leave_one_out
from models.neural.network import MODELS, Asked, network_of
from models.neural.objectives import OBJECTIVES
from models.neural.offline import DROPPED_IN_A_ROW, Report, Trainer
from models.neural.optimisers import OPTIMISERS
from tests.support.rounds import ITEMS, SMALL, USERS, rounds, trainer_of

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(scope="module")
def histories() -> Histories:
    return rounds()


def quality(trainer: Trainer, histories: Histories) -> float:
    hit_rate: float = trainer.goal.figures(histories.with_history(TEST))["hr_at_10"]
    return hit_rate


@pytest.mark.parametrize("model", ["sasrec", "gru", "cnn", "pooled"])
def test_an_encoder_finds_what_follows(histories: Histories, model: str) -> None:
    trainer = trainer_of(histories, model=model)
    before = quality(trainer, histories)
    trainer.run(25)
    assert before < 0.6
    assert quality(trainer, histories) > 0.9


@pytest.mark.parametrize("head", sorted(HEADS))
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_each_objective_teaches_with_each_head(histories: Histories, objective: str, head: str) -> None:
    trainer = trainer_of(histories, model="gru", objective=objective, head=head)
    before = trainer.loss(trainer.goal.windows[:64]).item()
    trainer.run(3)
    assert trainer.position.epochs[-1]["loss"] < before
    assert trainer.position.dropped == 0


def test_ncf_learns_what_a_user_takes() -> None:
    """Users of two tastes: those of even number take from the first half of the items."""
    draw = np.random.default_rng(2)
    pairs = [(f"u{user}", f"i{item + 15 * (user % 2):02}") for user in range(60) for item in draw.permutation(15)[:12]]
    users, items = zip(*pairs, strict=True)
    stream = Interactions.of(users, items, np.arange(len(pairs)))
    histories = histories_of(stream, leave_one_out(stream))
    trained = trainer_of(histories, seen_excluded=True, model="ncf", head="mlp", objective="bce")
    trained.run(20)
    assert quality(trained, histories) > 0.95


@pytest.mark.parametrize("optimiser", sorted(OPTIMISERS))
@pytest.mark.parametrize("model", ["sasrec", "ncf"])
def test_training_goes_on_from_any_step_to_the_same_parameters(
    histories: Histories, optimiser: str, model: str
) -> None:
    through = trainer_of(histories, optimiser=optimiser, model=model)
    saved: list[Any] = []
    through.run(3, save=lambda: saved.append(through.state()), save_steps=3)
    assert len(saved) > 3
    assert any(position["in_epoch"] for _, position in saved)
    expected, figures = through.state()
    for arrays, position in saved[1:4]:
        resumed = trainer_of(histories, optimiser=optimiser, model=model)
        resumed.restore(arrays, position)
        resumed.run(3)
        found, again = resumed.state()
        assert again == figures
        assert found.keys() == expected.keys()
        assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_what_training_draws_leaves_others_numbers_as_they_were(histories: Histories) -> None:
    torch.manual_seed(8)
    expected = torch.rand(3)
    torch.manual_seed(8)
    trainer_of(histories).run(1)
    assert torch.equal(torch.rand(3), expected)


def test_a_step_that_is_not_finite_is_dropped_and_halves_the_rate(
    histories: Histories, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, whole = trainer_of(histories), Trainer.loss
    monkeypatch.setattr(
        Trainer, "loss", lambda own, places: whole(own, places) * (torch.nan if own.position.steps == 4 else 1.0)
    )
    trainer.run(2)
    assert (trainer.position.dropped, trainer.position.scale, trainer.position.in_a_row) == (1, 0.5, 0)
    assert trainer.position.steps == 2 * trainer.steps_an_epoch
    assert all(bool(parameter.isfinite().all()) for parameter in trainer.goal.network.parameters())


def test_a_gradient_that_is_not_finite_is_dropped_too(histories: Histories, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer, whole = trainer_of(histories), Trainer.loss

    def steep(own: Trainer, places: Any) -> Tensor:
        zero = next(own.goal.network.parameters())[0, 0] * 0 if own.position.steps == 3 else torch.ones(())
        return whole(own, places) + 1e-3 * zero.abs().sqrt()  # infinite slope at 0

    monkeypatch.setattr(Trainer, "loss", steep)
    trainer.run(1)
    assert trainer.position.dropped == 1


@pytest.mark.parametrize(("batch", "said"), [(2, "20 steps in a row"), (64, "no step of an epoch")])
def test_training_that_diverges_ends_with_an_error(
    histories: Histories, monkeypatch: pytest.MonkeyPatch, batch: int, said: str
) -> None:
    trainer = trainer_of(histories, batch_histories=batch)
    monkeypatch.setattr(Trainer, "loss", lambda own, places: own.goal.network.bias.sum() * torch.nan)
    with pytest.raises(FloatingPointError, match=said):
        trainer.run(20)
    assert trainer.position.dropped == min(DROPPED_IN_A_ROW, trainer.steps_an_epoch)


def test_training_ends_when_validation_stands_still_and_keeps_the_best(histories: Histories) -> None:
    trainer = trainer_of(histories, rate=0.0, patience_epochs=2)
    before = {name: value.clone() for name, value in trainer.goal.network.state_dict().items()}
    trainer.run(50)
    assert (trainer.position.epoch, trainer.position.best_epoch) == (3, 1)
    assert all(torch.equal(value, before[name]) for name, value in trainer.goal.network.state_dict().items())


def test_reports_tell_where_training_stands(histories: Histories) -> None:
    trainer = trainer_of(histories)
    reports: list[Report] = []
    trainer.run(2, reports.append)
    steps = trainer.steps_an_epoch
    assert [(report.epoch, report.step) for report in reports] == [
        (epoch, step) for epoch in (1, 2) for step in range(1, steps + 1)
    ]
    assert reports[-1].best == trainer.position.epochs[0]["ndcg_at_10"]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("seen_excluded", [False, True])
def test_ranks_are_those_of_all_items_one_by_one(histories: Histories, model: str, seen_excluded: bool) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(6)
        network = network_of(model, USERS, ITEMS, SMALL, "dot").eval()
        torch.nn.init.normal_(network.items)
    places = histories.with_history(TEST)[:20]
    found = ranks_of(network, histories, places, SMALL.length, seen_excluded=seen_excluded)
    for place, rank in zip(places.tolist(), found.tolist(), strict=True):
        user = int(histories.users[place])
        mine = histories.items[histories.starts[user] : place].tolist()
        history = torch.tensor([mine[::-1][: SMALL.length]])
        with torch.no_grad():
            scores = network.scores(network(Asked(torch.tensor([user]), history)))[0].tolist()
        target = int(histories.items[place])
        rivals = [scores[item] for item in range(ITEMS) if item != target and not (seen_excluded and item in mine)]
        assert rank == 1 + sum(score > scores[target] for score in rivals)


def test_an_item_that_training_never_met_is_a_miss() -> None:
    stream = Interactions.of(["u", "u", "u", "v", "v"], ["a", "b", "new", "a", "b"], np.arange(5))
    known = histories_of(stream, np.array([0, 0, 2, 0, 2], np.int8))
    network = network_of("gru", 2, 2, SMALL, "dot")
    ranks = ranks_of(network, known, known.with_history(TEST), SMALL.length, seen_excluded=False)
    assert np.isinf(ranks).tolist() == [True, False]
    assert network.training  # ranking leaves no trace
