"""Several tasks for one encoder: towers, balance, values, and that training them teaches each."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch

from models.batch import Interactions
from models.neural.encoders.encoder import EncoderConfig
from models.neural.histories import TEST, TRAIN, VALIDATION, Histories, by_time, histories_of, leave_one_out
from models.neural.offline import Trainer
from models.neural.plan import TasksPlan, TrainingPlan
from models.neural.tasks.balance import BALANCES, Uncertainty
from models.neural.tasks.goal import MultiTask
from models.neural.tasks.towers import TOWERS, MultiGateMixture
from models.neural.tasks.values import Values

ITEMS, USERS, WIDTH = 24, 100, 16
SMALL = EncoderConfig(width=WIDTH, length=8, blocks=1, heads=1, dropout=0.1)
PLAN = TrainingPlan("gru", SMALL, "dot", "softmax", rate=0.02, warmup_steps=5, batch_histories=16)

pytestmark = pytest.mark.usefixtures("one_torch_thread", "seeded_torch")


@pytest.fixture(scope="module")
def histories() -> Histories:
    """Views go on by 1, buys by 7, in any order; items of even number are rated 5, the others 1, if at all."""
    draw = np.random.default_rng(1)
    rows = []
    for user, item in enumerate(draw.integers(0, ITEMS, USERS).tolist()):
        for _step in range(12):
            kind = ("buy", "view")[int(draw.integers(2))]
            item = (item + (7 if kind == "buy" else 1)) % ITEMS
            rows.append((f"u{user:03}", f"i{item:02}", kind, 5.0 if item % 2 else 1.0))
    users, items, kinds, values = zip(*rows, strict=True)
    ratings = np.where(draw.random(len(rows)) < 0.2, np.nan, np.array(values))
    ones = np.ones(len(rows), np.float32)
    stream = Interactions(users, items, np.arange(len(rows)), ones, kinds, ratings)
    return histories_of(stream, leave_one_out(stream))


def goal_of(histories: Histories, tasks: TasksPlan, **changes: Any) -> MultiTask:
    return MultiTask(dataclasses.replace(PLAN, **changes), tasks, histories, seen_excluded=False)


def trainer_of(histories: Histories, tasks: TasksPlan) -> Trainer:
    return Trainer(PLAN, goal_of(histories, tasks), histories.with_history(VALIDATION))


def trained(histories: Histories, tasks: TasksPlan, epochs: int) -> dict[str, Any]:
    trainer = trainer_of(histories, tasks)
    trainer.run(epochs)
    assert trainer.position.dropped == 0
    return trainer.goal.figures(histories.with_history(TEST))


@pytest.mark.parametrize("balance", sorted(BALANCES))
@pytest.mark.parametrize("towers", sorted(TOWERS))
def test_a_head_for_each_kind_finds_what_one_head_cannot(histories: Histories, towers: str, balance: str) -> None:
    """Which kind comes next is drawn: one head has two items to choose from, a kind's head knows the one."""
    figures = trained(histories, TasksPlan("kinds", towers=towers, balance=balance), 10)
    assert figures["mrr_at_10"] > 0.9
    one_head = trained(histories, TasksPlan("next", towers=towers, balance=balance), 10)
    assert one_head["mrr_at_10"] < 0.8
    assert one_head["hr_at_10"] > 0.95


def test_figures_of_a_kind_are_those_of_its_events(histories: Histories) -> None:
    goal = goal_of(histories, TasksPlan("kinds"))
    places = histories.with_history(TEST)
    figures, ranks = goal.figures(places), goal.ranks(places)
    kinds = figures["kinds"]
    assert sum(values["events"] for values in kinds.values()) == len(places) == USERS
    for kind, name in enumerate(histories.kind_names):
        of_kind = ranks[histories.kinds[places] == kind]
        assert kinds[name]["hr_at_10"] == pytest.approx((of_kind <= 10).mean())


@pytest.mark.parametrize("towers", sorted(TOWERS))
def test_a_new_network_ranks_for_every_kind_as_the_encoder_alone_would(histories: Histories, towers: str) -> None:
    network = TOWERS[towers](3, WIDTH, 0.5, 4)
    vectors = torch.randn(5, WIDTH)
    for task in range(3):
        torch.testing.assert_close(network(vectors, task), vectors)


def randomised(towers: MultiGateMixture) -> MultiGateMixture:
    for parameter in towers.parameters():
        torch.nn.init.normal_(parameter)
    return towers.eval()


def test_a_gate_mixes_the_experts_by_shares_that_its_task_alone_decides() -> None:
    towers, vectors = randomised(MultiGateMixture(2, WIDTH, 0.0, 3)), torch.randn(4, WIDTH)
    before = [towers(vectors, task) for task in range(2)]
    shares = towers.gates[0](vectors).softmax(1)
    mixed = sum(shares[:, [expert]] * towers.experts[expert](vectors) for expert in range(3))
    torch.testing.assert_close(before[0], towers.towers[0](mixed))
    for weights in towers.gates[0].parameters():
        torch.nn.init.zeros_(weights)
    assert not torch.allclose(towers(vectors, 0), before[0])
    torch.testing.assert_close(towers(vectors, 1), before[1])


def test_uncertainty_weighs_losses_as_its_paper_writes() -> None:
    balance = Uncertainty([False, True])
    balance.log_variances.data = torch.tensor([0.4, -0.6])
    told = balance({0: torch.tensor(3.0), 1: torch.tensor(2.0)}).item()
    assert told == pytest.approx(3 * math.exp(-0.4) + 0.2 + 0.5 * 2 * math.exp(0.6) - 0.3)
    assert balance({1: torch.tensor(2.0)}).item() == pytest.approx(0.5 * 2 * math.exp(0.6) - 0.3)


@pytest.mark.parametrize(("of_number", "variance"), [(True, 4.0), (False, 8.0)])
def test_the_learned_variance_comes_to_what_the_loss_says(of_number: bool, variance: float) -> None:
    """Where the loss stands at 4, the variance is it for numbers and twice it for classes."""
    balance = Uncertainty([of_number])
    descent = torch.optim.SGD(balance.parameters(), 0.5)
    for _ in range(200):
        descent.zero_grad()
        balance({0: torch.tensor(4.0)}).backward()
        descent.step()
    assert balance.log_variances.exp().item() == pytest.approx(variance, rel=1e-3)


@pytest.mark.parametrize("ranking", ["kinds", None])
def test_values_are_told_better_than_by_the_mean(histories: Histories, ranking: str | None) -> None:
    figures = trained(histories, TasksPlan(ranking, "mse"), 20)["values"]
    assert figures["rmse"] < 0.5  # the standard deviation is 2
    liked = trained(histories, TasksPlan(ranking, "bce", 4.0), 20)["values"]
    assert liked["auc"] > 0.95


def test_values_only_leave_ranking_out_and_validate_by_what_they_tell(histories: Histories) -> None:
    trainer = trainer_of(histories, TasksPlan(None, "mse"))
    trainer.run(3)
    assert "hr_at_10" not in trainer.position.best
    errors = [epoch["values"]["rmse"] for epoch in trainer.position.epochs]
    assert trainer.position.best_quality == -min(errors)
    assert trainer.position.best_epoch == 1 + errors.index(min(errors))


def with_values(values: list[float], parts: list[int]) -> Histories:
    names = ["u"] * len(values)
    stream = Interactions(
        names, ["a", "b"] * (len(values) // 2), np.arange(len(values)), np.ones(len(values), np.float32), (),
        np.array(values),
    )  # fmt: skip
    return histories_of(stream, np.array(parts, np.int8))


def test_rmse_is_in_units_of_the_values_beside_that_of_the_items_means() -> None:
    known = with_values([1.0, 4.0, 3.0, 4.0, 2.0, 5.0], [0, 0, 0, 0, 2, 2])
    values = Values.of(known, TasksPlan(None, "mse"))
    assert (values.mean, values.spread) == pytest.approx((3.0, math.sqrt(1.5)))
    told = np.array([(3.0 - 3) / values.spread, (5.0 - 3) / values.spread])
    figures = values.figures(told, np.array([4, 5]), known)
    assert figures["rmse"] == pytest.approx(math.sqrt(0.5))
    means = [(1 + 3 + 5 * 3) / 7, (4 + 4 + 5 * 3) / 7]
    expected = math.sqrt(((2 - means[0]) ** 2 + (5 - means[1]) ** 2) / 2)
    assert figures["rmse_of_item_means"] == pytest.approx(expected)


def test_what_a_user_stated_so_far_is_the_mean_of_older_events_and_five_usual_ones() -> None:
    known = with_values([1.0, math.nan, 3.0, 4.0, 2.0, 5.0], [0, 0, 0, 0, 2, 2])
    values = Values.of(known, TasksPlan(None, "mse"))
    apart = [(value - 8 / 3) / values.spread for value in (1.0, 3.0, 4.0)]
    found = values.stated_so_far(np.array([[3, 2, 1, 0, -1]]))[0]
    expected = [sum(apart) / 8, (apart[0] + apart[1]) / 7, apart[0] / 6, apart[0] / 6, 0]
    assert found.tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("loss", "liked_from"), [("mse", None), ("bce", 3.0)])
def test_telling_starts_at_the_items_means(loss: str, liked_from: float | None) -> None:
    known = with_values([1.0, 4.0, 2.0, 4.0, 2.0, 5.0], [0, 0, 0, 0, 2, 2])
    goal = goal_of(known, TasksPlan(None, loss, liked_from))
    assert goal.network.teller is not None
    goal.network.teller.user_weight.data.zero_()
    told = goal.figures(known.with_history(TEST))["values"]
    name = "auc" if loss == "bce" else "rmse"
    assert told[name] == pytest.approx(told[f"{name}_of_item_means"])


def test_what_is_liked_is_told_from_a_value_on_and_nothing_of_events_without() -> None:
    known = with_values([1.0, math.nan, 3.0, 4.0, 2.0, 5.0], [0, 0, 0, 0, 2, 2])
    values = Values.of(known, TasksPlan(None, "bce", 3.0))
    assert values.stated(np.arange(6)).tolist() == [True, False, True, True, True, True]
    assert values.targets[2:].tolist() == [1, 1, 0, 1]
    assert values.figures(np.array([0.1, 0.2]), np.array([4, 5]), known)["auc"] == 1
    assert math.isnan(values.figures(np.array([0.1]), np.array([4]), known)["auc"])


@pytest.mark.parametrize(
    ("values", "tasks", "said"),
    [
        ([math.nan] * 6, TasksPlan(None, "mse"), "no event states a value"),
        ([math.inf] * 6, TasksPlan(None, "mse"), "no event states a value"),
        ([2.0] * 4 + [1.0] * 2, TasksPlan(None, "mse"), "the values of the training events are all the same"),
        ([1.0, 2.0] * 3, TasksPlan(None, "bce", 3.0), "the values of the training events are all liked or all not"),
        ([1.0, 2.0] * 3, TasksPlan("kinds"), "the events are of one kind only"),
    ],
)
def test_events_that_do_not_have_what_a_task_needs_are_refused(
    values: list[float], tasks: TasksPlan, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        goal_of(with_values(values, [0, 0, 0, 0, 1, 2]), tasks)


def test_a_kind_that_trains_nothing_is_refused(histories: Histories) -> None:
    stream = Interactions(["u"] * 6, list("ababab"), np.arange(6), np.ones(6, np.float32), ["view"] * 5 + ["buy"], None)
    with pytest.raises(ValueError, match="no event of kind buy trains"):
        goal_of(histories_of(stream, by_time(stream, 0.2, 0.2)), TasksPlan("kinds"))


def test_a_batch_without_examples_of_a_task_teaches_the_others(histories: Histories) -> None:
    goal = goal_of(histories, TasksPlan("kinds", "mse"))
    targets = histories.with_history(TRAIN)
    target = int(targets[histories.kinds[targets] == 0][0])
    goal.loss(np.array([[target, target - 1]])).backward()
    slopes = {name: parameter.grad for name, parameter in goal.network.towers.named_parameters()}
    assert any(slope is not None and bool(slope.any()) for name, slope in slopes.items() if "towers.0." in name)
    assert all(slope is None or not bool(slope.any()) for name, slope in slopes.items() if "towers.1." in name)


@pytest.mark.parametrize("towers", sorted(TOWERS))
def test_training_of_tasks_goes_on_from_any_step_to_the_same_parameters(histories: Histories, towers: str) -> None:
    tasks = TasksPlan("kinds", "mse", towers=towers)
    through = trainer_of(histories, tasks)
    saved: list[Any] = []
    through.run(2, save=lambda: saved.append(through.state()), save_steps=3)
    expected, position = through.state()
    resumed = trainer_of(histories, tasks)
    resumed.restore(*saved[1])
    resumed.run(2)
    found, again = resumed.state()
    assert saved[1][1]["in_epoch"]
    assert again == position
    assert all(np.array_equal(found[name], expected[name]) for name in expected)
