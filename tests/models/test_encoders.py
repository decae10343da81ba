"""What every sequence encoder promises."""

import dataclasses

import pytest
import torch
from torch import Tensor

from models.neural.encoders.encoder import EncoderConfig, SequenceEncoder
from models.neural.encoders.registry import ENCODERS

SIZES = EncoderConfig(width=8, length=12, blocks=2, heads=2, dropout=0.3)
ROWS = 5


pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(params=sorted(ENCODERS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def encoder(name: str) -> SequenceEncoder:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return ENCODERS[name](SIZES).eval()


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def histories(length: int = SIZES.length) -> tuple[Tensor, Tensor]:
    """Of 12, 9, 6, 3 and 1 known places, the second one with a hole."""
    known = torch.arange(length) < torch.tensor([12, 9, 6, 3, 1])[:, None]
    known[1, 4] = False
    return drawn(1, ROWS, length, SIZES.width), known


def test_a_history_becomes_a_vector_and_each_place_of_it_too(encoder: SequenceEncoder) -> None:
    inputs, known = histories()
    assert encoder(inputs, known).shape == (ROWS, SIZES.width)
    assert encoder.everywhere(inputs, known).shape == inputs.shape


def test_the_answer_is_that_of_the_newest_place(encoder: SequenceEncoder) -> None:
    inputs, known = histories()
    torch.testing.assert_close(encoder(inputs, known), encoder.everywhere(inputs, known)[:, 0])


def test_what_stands_at_unknown_places_does_not_count(encoder: SequenceEncoder) -> None:
    inputs, known = histories()
    changed = torch.where(known[:, :, None], inputs, 100.0)
    before, after = encoder.everywhere(inputs, known), encoder.everywhere(changed, known)
    torch.testing.assert_close(before[known], after[known])


def test_unknown_places_at_the_end_may_be_left_out(encoder: SequenceEncoder) -> None:
    inputs, known = histories()
    short, whole = encoder(inputs[2:, :6], known[2:, :6]), encoder(inputs[2:], known[2:])
    torch.testing.assert_close(short, whole)


def test_a_place_does_not_see_newer_ones_and_sees_all_older_ones(encoder: SequenceEncoder) -> None:
    inputs, known = histories()
    inputs.requires_grad_()
    (encoder.everywhere(inputs, known)[0, 4] * drawn(2, SIZES.width)).sum().backward()
    seen = inputs.grad
    assert seen is not None
    assert bool((seen[0, :4] == 0).all())
    assert bool((seen[0, 4:] != 0).any(dim=1).all())


def test_a_row_does_not_depend_on_the_others(encoder: SequenceEncoder) -> None:
    inputs, known = histories()
    alone = torch.cat([encoder(inputs[row : row + 1], known[row : row + 1]) for row in range(ROWS)])
    torch.testing.assert_close(encoder(inputs, known), alone)


def test_the_order_of_items_matters_to_all_but_the_new_pooled_one(name: str, encoder: SequenceEncoder) -> None:
    inputs, known = histories()
    turned = inputs[:1].flip(1)
    same = torch.allclose(encoder(inputs[:1], known[:1]), encoder(turned, known[:1]), atol=1e-5)
    assert same == (name == "pooled")


def test_pooled_learns_how_much_each_step_back_counts() -> None:
    inputs, known = histories()
    encoder = ENCODERS["pooled"](SIZES).eval()
    torch.nn.init.normal_(encoder.get_parameter("weights"))
    assert not torch.allclose(encoder(inputs[:1], known[:1]), encoder(inputs[:1].flip(1), known[:1]), atol=1e-5)


def test_every_parameter_gets_a_gradient(encoder: SequenceEncoder) -> None:
    inputs, known = histories()
    weights = drawn(2, *inputs.shape)
    (encoder.everywhere(inputs, known) * weights).sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.isfinite().all()), name
        assert bool((parameter.grad != 0).any()), name


def test_a_history_of_nothing_gives_numbers(encoder: SequenceEncoder) -> None:
    inputs, _ = histories()
    out = encoder(inputs, torch.zeros(inputs.shape[:2], dtype=torch.bool))
    assert bool(out.isfinite().all())


def test_dropout_acts_in_training_only(encoder: SequenceEncoder) -> None:
    inputs, known = histories()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        encoder.train()
        assert not torch.equal(encoder(inputs, known), encoder(inputs, known))
        encoder.eval()
        assert torch.equal(encoder(inputs, known), encoder(inputs, known))


def test_an_encoder_learns_what_it_is_shown(name: str) -> None:
    """The item three steps back, which no average tells: the pooled one is asked for the newest, and weighs it."""
    wanted_place = 0 if name == "pooled" else 3
    with torch.random.fork_rng():
        torch.manual_seed(5)
        encoder = ENCODERS[name](dataclasses.replace(SIZES, width=16, dropout=0.0))
        optimiser = torch.optim.Adam(encoder.parameters(), 0.02)
        known = torch.ones(64, 6, dtype=torch.bool)
        losses = []
        for _ in range(200):
            inputs = torch.randn(64, 6, 16)
            loss = (encoder(inputs, known) - inputs[:, wanted_place].sign()).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
    assert sum(losses[-10:]) / 10 < 0.85 * losses[0]


@pytest.mark.parametrize(
    "wrong", [{"width": 0}, {"length": 0}, {"blocks": 0}, {"width": 6, "heads": 4}, {"dropout": 1.0}]
)
def test_sizes_that_make_no_encoder_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"width|dropout"):
        dataclasses.replace(SIZES, **wrong)
