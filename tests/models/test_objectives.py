"""Heads score pairs as they score all; objectives are the sums that their papers write."""

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from models.neural.heads import HEADS
from models.neural.objectives import SAMPLED, sampled_softmax, softmax_over_all

NOT_COUNTED = -math.inf
WANTED = torch.tensor([0.7, -0.4])
OTHERS = torch.tensor([[0.1, NOT_COUNTED, -1.0], [2.0, 0.3, 0.5]])
ITEMS = 101


pytestmark = pytest.mark.usefixtures("seeded_torch")


def sigma(score: float) -> float:
    return 1 / (1 + math.exp(-score))


def rows() -> Iterator[tuple[float, list[float]]]:
    for wanted, others in zip(WANTED.tolist(), OTHERS.tolist(), strict=True):
        yield wanted, [score for score in others if score != NOT_COUNTED]


@pytest.mark.parametrize("name", sorted(HEADS))
def test_a_head_scores_a_pair_as_it_scores_all(name: str) -> None:
    head, users, items = HEADS[name](8), torch.randn(4, 8), torch.randn(4, 8)
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter)
    torch.testing.assert_close(head.pairs(users, items), head(users, items).diagonal())
    assert head(users, items[:3]).shape == (4, 3)


@pytest.mark.parametrize("name", ["dot", "bilinear"])
def test_these_heads_start_as_the_inner_product(name: str) -> None:
    users, items = torch.randn(4, 8), torch.randn(5, 8)
    torch.testing.assert_close(HEADS[name](8)(users, items), users @ items.T)


def test_bpr_is_the_mean_over_pairs() -> None:
    pairs = [-math.log(sigma(wanted - other)) for wanted, others in rows() for other in others]
    assert SAMPLED["bpr"](WANTED, OTHERS, ITEMS).item() == pytest.approx(sum(pairs) / len(pairs), rel=1e-5)


def test_bce_is_that_of_ones_and_of_zeros() -> None:
    ones = [-math.log(sigma(wanted)) for wanted, _ in rows()]
    zeros = [-math.log(1 - sigma(other)) for _, others in rows() for other in others]
    expected = sum(ones) / len(ones) + sum(zeros) / len(zeros)
    assert SAMPLED["bce"](WANTED, OTHERS, ITEMS).item() == pytest.approx(expected, rel=1e-5)


def test_gbce_raises_the_likelihood_of_the_item_to_the_power_beta() -> None:
    share = 3 / 100  # of the items that are not the one that came
    beta = share * (0.75 * (1 - 1 / share) + 1 / share)
    whole = [
        -math.log(sigma(wanted) ** beta) - sum(math.log(1 - sigma(other)) for other in others)
        for wanted, others in rows()
    ]
    assert SAMPLED["gbce"](WANTED, OTHERS, ITEMS).item() == pytest.approx(sum(whole) / len(whole) / 4, rel=1e-5)


def test_mse_is_the_square_of_what_lacks_to_one_and_to_zero() -> None:
    ones = [(1 - wanted) ** 2 for wanted, _ in rows()]
    zeros = [other**2 for _, others in rows() for other in others]
    expected = sum(ones) / len(ones) + sum(zeros) / len(zeros)
    assert SAMPLED["mse"](WANTED, OTHERS, ITEMS).item() == pytest.approx(expected, rel=1e-5)


def test_the_sampled_softmax_comes_near_the_whole_one() -> None:
    scores, targets = torch.randn(50, 400), torch.arange(50)
    drawn = torch.randint(400, (20_000,))
    others = scores[:, drawn].masked_fill(drawn == targets[:, None], NOT_COUNTED)
    sampled = sampled_softmax(scores[torch.arange(50), targets], others, 400)
    assert sampled.item() == pytest.approx(softmax_over_all(scores, targets).item(), rel=0.01)


@pytest.mark.parametrize("name", sorted(SAMPLED))
def test_the_gradient_lifts_the_item_lowers_the_others_and_leaves_out_what_does_not_count(name: str) -> None:
    wanted, others = WANTED.clone().requires_grad_(), OTHERS.abs().masked_fill(OTHERS.isinf(), NOT_COUNTED)
    others.requires_grad_()
    SAMPLED[name](wanted, others, ITEMS).backward()
    lifted, lowered = gradient(wanted), gradient(others)
    assert bool((lifted < 0).all())
    assert bool((lowered[OTHERS.isfinite()] > 0).all())
    assert bool((lowered[OTHERS.isinf()] == 0).all())


def gradient(tensor: Tensor) -> Tensor:
    assert tensor.grad is not None
    return tensor.grad
