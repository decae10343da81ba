"""Optimisers: what row-wise Adagrad does, and that what they remember can be put back."""

import pytest
import torch
from torch import Tensor, nn

from models.neural.optimisers import OPTIMISERS, RowWiseAdagrad, restore, set_rate, tensors_of, warmed


class Table(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.arange(12.0).reshape(4, 3) / 10)
        self.bias = nn.Parameter(torch.ones(4))

    def forward(self, row: int) -> Tensor:
        return (self.rows[row].square().sum() + self.bias[row]).square()


def test_row_wise_adagrad_keeps_one_sum_a_row_and_leaves_rows_without_gradient() -> None:
    table = Table()
    optimiser = RowWiseAdagrad(table.parameters(), lr=0.1)
    before = table.rows.detach().clone()
    for _ in range(2):
        optimiser.zero_grad()
        table.rows.grad = torch.tensor([[0.0] * 3, [1.0, 2.0, 2.0], [0.0] * 3, [0.0] * 3])
        optimiser.step()
    step = 0.1 * torch.tensor([1.0, 2.0, 2.0]) * (3**-0.5 + 6**-0.5)  # mean squares: 3, then 3 + 3
    torch.testing.assert_close(before - table.rows, torch.stack([step * (row == 1) for row in range(4)]))
    assert optimiser.state[table.rows]["sums"].shape == (4, 1)


@pytest.mark.parametrize("name", sorted(OPTIMISERS))
def test_what_an_optimiser_remembers_can_be_put_back(name: str) -> None:
    through, apart = Table(), Table()
    optimiser = OPTIMISERS[name](through.parameters(), 0.01, 0.001)
    steps(through, optimiser, 3)
    apart.load_state_dict(through.state_dict())
    again = OPTIMISERS[name](apart.parameters(), 0.01, 0.001)
    restore(again, apart, tensors_of(optimiser, through))
    steps(through, optimiser, 3)
    steps(apart, again, 3)
    assert all(map(torch.equal, through.state_dict().values(), apart.state_dict().values()))


@pytest.mark.parametrize("name", sorted(OPTIMISERS))
def test_each_optimiser_lowers_the_loss(name: str) -> None:
    table = Table()
    before = table(3).item()
    steps(table, OPTIMISERS[name](table.parameters(), 0.001, 0.0), 10)
    assert table(3).item() < before


@pytest.mark.parametrize("name", sorted(OPTIMISERS))
def test_l2_draws_parameters_to_nothing_against_a_slight_gradient(name: str) -> None:
    plain, drawn = Table(), Table()
    for table, l2 in ((plain, 0.0), (drawn, 5.0)):
        optimiser = OPTIMISERS[name](table.parameters(), 0.01, l2)
        for parameter in table.parameters():
            parameter.grad = torch.full_like(parameter, -1e-6)
        optimiser.step()
    start = Table().rows[1:]
    assert bool((plain.rows[1:] >= start).all())
    assert bool((drawn.rows[1:] < start).all())


def test_the_rate_rises_evenly_and_then_stays() -> None:
    assert [warmed(0.4, step, 4) for step in range(6)] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4, 0.4])
    assert warmed(0.4, 0, 0) == 0.4


def steps(table: Table, optimiser: torch.optim.Optimizer, count: int) -> None:
    for row in range(count):
        optimiser.zero_grad()
        table(row % 2 + 2).backward()
        set_rate(optimiser, optimiser.param_groups[0]["lr"])
        optimiser.step()
