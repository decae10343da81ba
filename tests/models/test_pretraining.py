"""Pre-training, augmentation and adversarial training: what they teach, and what they leave as it was."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from models.neural.adversarial import adversarial_backward
from models.neural.encoders.registry import ENCODERS
from models.neural.histories import VALIDATION, Histories
from models.neural.network import HIDDEN, Asked, SequenceNetwork
from models.neural.offline import Trainer
from models.neural.pretraining.contrastive import TEMPERATURE, info_nce
from models.neural.pretraining.registry import PRETRAINING
from tests.support.rounds import ITEMS, PLAN, SMALL, rounds, trainer_of

pytestmark = pytest.mark.usefixtures("one_torch_thread", "seeded_torch")


@pytest.fixture(scope="module")
def histories() -> Histories:
    return rounds()


def first_ndcg(trainer: Trainer) -> float:
    """NDCG@10 of the validation after the first epoch."""
    trainer.run(1)
    ndcg: float = trainer.position.best["ndcg_at_10"]
    return ndcg


@pytest.mark.parametrize("task", sorted(PRETRAINING))
@pytest.mark.parametrize("model", sorted(ENCODERS))
def test_pretraining_lowers_its_loss_with_every_encoder(histories: Histories, task: str, model: str) -> None:
    plan = dataclasses.replace(PLAN, model=model)
    trainer = Trainer(plan, PRETRAINING[task](plan, histories, "cpu"), histories.with_history(VALIDATION))
    trainer.run(6)
    losses = [epoch["loss"] for epoch in trainer.position.epochs]
    assert losses[-1] < 0.95 * losses[0]
    assert trainer.position.best_epoch == 6  # nothing validates it: the last one stays


def test_hidden_items_are_found_from_both_sides(histories: Histories) -> None:
    plan = dataclasses.replace(PLAN, encoder=dataclasses.replace(SMALL, dropout=0.0))
    goal = PRETRAINING["masked"](plan, histories, "cpu")
    Trainer(plan, goal, histories.with_history(VALIDATION)).run(40)
    network = goal.network.eval()
    assert isinstance(network, SequenceNetwork)
    history = torch.tensor([[9, 6, 3, HIDDEN, 27, 24, 21, 18]])  # newest first
    with torch.no_grad():
        found = network.scores(network.around(history)[:, 3]).argsort(descending=True)[0]
    assert 0 in found[:3].tolist()


def test_pretraining_gives_the_next_item_a_head_start(histories: Histories) -> None:
    plan = dataclasses.replace(PLAN, model="gru")
    goal = PRETRAINING["masked"](plan, histories, "cpu")
    Trainer(plan, goal, histories.with_history(VALIDATION)).run(20)
    plain, started = trainer_of(histories, model="gru"), trainer_of(histories, model="gru")
    started.goal.base.load_state_dict(goal.base.state_dict())
    assert first_ndcg(started) > 1.5 * first_ndcg(plain)


@pytest.mark.parametrize("model", sorted(ENCODERS))
def test_only_attention_sees_what_is_newer_than_a_hidden_place(model: str) -> None:
    network = SequenceNetwork(model, ITEMS, SMALL, "dot").eval()
    histories = torch.tensor([[1, HIDDEN, 3, 4], [2, HIDDEN, 3, 4]])
    with torch.no_grad():
        one, other = network.around(histories)[:, 1]
    assert torch.equal(one, other) == (model != "sasrec")


@pytest.mark.parametrize("model", sorted(ENCODERS))
def test_what_a_hidden_item_was_does_not_count_but_its_place_does(model: str) -> None:
    network = SequenceNetwork(model, ITEMS, SMALL, "dot").eval()
    torch.nn.init.normal_(network.items)
    hidden = Asked(torch.zeros(1, dtype=torch.long), torch.tensor([[1, HIDDEN, 3]]))
    shorter = Asked(torch.zeros(1, dtype=torch.long), torch.tensor([[1, 3, -1]]))
    with torch.no_grad():
        assert not torch.allclose(network(hidden), network(shorter))
        before = network(hidden)
        network.items[0] += 1  # the row that stands for nothing
        assert torch.equal(network(hidden), before)


def test_info_nce_is_the_softmax_over_all_other_views() -> None:
    one, other = torch.randn(3, 5), torch.randn(3, 5)
    both = [vector / vector.norm() for vector in (*one, *other)]
    expected = 0.0
    for row in range(6):
        weights = [math.exp(float(both[row] @ both[at]) / TEMPERATURE) for at in range(6)]
        expected -= math.log(weights[(row + 3) % 6] / (sum(weights) - weights[row])) / 6
    assert info_nce(one, other).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "changes", [{"augment": ("crop", "mask", "reorder")}, {"adversarial": 0.5}, {"adversarial": 0.5, "model": "ncf"}]
)
def test_training_with_them_goes_on_from_any_step_to_the_same_parameters(
    histories: Histories, changes: dict[str, Any]
) -> None:
    through = trainer_of(histories, **changes)
    saved: list[Any] = []
    through.run(2, save=lambda: saved.append(through.state()), save_steps=3)
    assert saved[1][1]["in_epoch"]
    resumed = trainer_of(histories, **changes)
    resumed.restore(*saved[1])
    resumed.run(2)
    (expected, position), (found, again) = through.state(), resumed.state()
    assert again == position
    assert all(np.array_equal(found[name], expected[name]) for name in expected)
    assert not all(
        np.array_equal(value, expected[name]) for name, value in plain_state(histories, changes.get("model")).items()
    )


def plain_state(histories: Histories, model: str | None) -> dict[str, np.ndarray]:
    plain = trainer_of(histories, model=model or "sasrec")
    plain.run(2)
    return dict(plain.state()[0])


@pytest.mark.parametrize("task", sorted(PRETRAINING))
def test_pretraining_goes_on_from_any_step_to_the_same_parameters(histories: Histories, task: str) -> None:
    def new() -> Trainer:
        return Trainer(PLAN, PRETRAINING[task](PLAN, histories, "cpu"), histories.with_history(VALIDATION))

    through, saved = new(), []
    through.run(2, save=lambda: saved.append(through.state()), save_steps=3)
    resumed = new()
    resumed.restore(*saved[1])
    resumed.run(2)
    (expected, position), (found, again) = through.state(), resumed.state()
    assert again == position
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_rows_move_by_epsilon_up_the_slope_and_come_back() -> None:
    table = nn.Parameter(torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    weights = torch.tensor([[3.0, 4.0], [0.0, 0.0], [0.0, -2.0]])
    tables: list[torch.Tensor] = []

    def loss() -> torch.Tensor:
        tables.append(table.detach().clone())
        return (table * weights).sum()

    before = table.detach().clone()
    total = adversarial_backward(loss, table, 0.5)
    moved = tables[1] - before
    torch.testing.assert_close(moved, torch.tensor([[0.3, 0.4], [0.0, 0.0], [0.0, -0.5]]))
    assert torch.equal(table.detach(), before)
    assert total.item() == pytest.approx(float((tables[0] * weights).sum() + (tables[1] * weights).sum()))
    assert table.grad is not None
    torch.testing.assert_close(table.grad, 2 * weights)


def test_an_adversarial_step_that_is_not_finite_is_dropped(
    histories: Histories, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, whole = trainer_of(histories, adversarial=0.5), Trainer.loss
    monkeypatch.setattr(
        Trainer, "loss", lambda own, places: whole(own, places) * (torch.nan if own.position.steps == 4 else 1.0)
    )
    trainer.run(1)
    assert trainer.position.dropped == 1
    assert all(bool(parameter.isfinite().all()) for parameter in trainer.goal.network.parameters())


def test_a_model_without_histories_has_nothing_to_pretrain(histories: Histories) -> None:
    with pytest.raises(ValueError, match="ncf reads no histories"):
        PRETRAINING["masked"](dataclasses.replace(PLAN, model="ncf"), histories, "cpu")
