"""Torch over the kernels' arrays: one memory, the same scores, and gradients that check those written by hand."""

from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from models.batch import Float64s
from models.experts.vectors import (
    FIRST_SQUARE,
    NEGATIVES,
    POSITION_RATE,
    RATE,
    RECENT_EVENTS,
    WIDTH,
    WINDOW_EVENTS,
    Vectors,
    VectorScratch,
    learn_vectors,
    read_history,
)
from models.learning import bet
from models.profiles import Profiles
from models.ranker import BIAS_RATE, CONTEXT_RATE, HIDDEN_RATE, SHARED_RATE, Ranker, learn_chosen, score_chosen
from models.recommender import Recommender, RecommenderOptions
from models.shard import ProfileShard
from models.tensors import RANKER_PARAMETERS, VECTOR_PARAMETERS, ranker_module, vectors_module
from tests.support.learning import learned, random_batch

ITEMS = 400
# Rows are of the type that learning hands on: another one would compile the kernels again.
USER: Any = np.int32(3)
RANKER_RATES = {"shared": SHARED_RATE, "by_context": CONTEXT_RATE, "bias": BIAS_RATE}
SQUARES = {
    "inputs": "input_squares",
    "outputs": "output_squares",
    "bias": "bias_squares",
    "positions": "position_squares",
}


class Inputs(NamedTuple):
    features: torch.Tensor
    situation: torch.Tensor
    context: int
    items: torch.Tensor


@pytest.fixture
def shop() -> tuple[Recommender, ProfileShard]:
    """Ranker and vectors have learned from 2,000 events."""
    return learned(RecommenderOptions(), random_batch(3, 2000, 40, ITEMS))


def betted(recommender: Recommender, shard: ProfileShard) -> Inputs:
    """What the ranker saw when it ranked for the user just now."""
    scratch, user = recommender.scratch, USER
    hashes = shard.users.hashes[user], recommender.vocabulary.hashes
    context, count = bet(recommender.knowledge, shard.profiles, shard.seen, *hashes, False, user, scratch)
    candidates = scratch.candidates
    assert count > 50
    return Inputs(
        torch.from_numpy(scratch.features.values[:, :count].copy()),
        torch.from_numpy(scratch.features.situation.copy()),
        context,
        torch.from_numpy(candidates.items[candidates.chosen[:count]].astype(np.int64)),
    )


def scores_of_kernel(recommender: Recommender, inputs: Inputs) -> torch.Tensor:
    knowledge, scratch, count = recommender.knowledge, recommender.scratch, len(inputs.items)
    score_chosen(knowledge.ranker, scratch.candidates, count, inputs.context, scratch.features, scratch.ranker)
    return torch.from_numpy(scratch.ranker.scores[:count].copy())


def history_rows(shard: ProfileShard) -> torch.Tensor:
    """The user's last items, newest first."""
    ring, events = shard.profiles.items[USER], int(shard.profiles.events[USER])
    backs = range(min(events, WINDOW_EVENTS))
    return torch.tensor([int(ring[(events - 1 - back) % len(ring)]) for back in backs])


def assert_close(one: torch.Tensor, two: torch.Tensor, tolerance: float) -> None:
    torch.testing.assert_close(one, two, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("table", ["ranker", "vectors"])
def test_tensors_lie_in_the_memory_that_the_kernels_update(shop: tuple[Recommender, ProfileShard], table: str) -> None:
    knowledge = shop[0].knowledge
    arrays = getattr(knowledge, table)._asdict()
    module = ranker_module(knowledge.ranker) if table == "ranker" else vectors_module(knowledge.vectors)
    tensors = dict(module.named_parameters()) | dict(module.named_buffers())
    assert {name: tensor.data_ptr() for name, tensor in tensors.items()} == {
        name: array.ctypes.data for name, array in arrays.items()
    }
    assert {name for name, _ in module.named_parameters()} == (
        RANKER_PARAMETERS if table == "ranker" else VECTOR_PARAMETERS
    )


def test_what_the_kernels_learn_shows_in_torch(shop: tuple[Recommender, ProfileShard]) -> None:
    recommender, shard = shop
    modules: list[nn.Module] = [
        ranker_module(recommender.knowledge.ranker),
        vectors_module(recommender.knowledge.vectors),
    ]
    before = [{name: value.detach().clone() for name, value in each.named_parameters()} for each in modules]
    recommender.learn(shard, random_batch(4, 300, 40, ITEMS))
    for module, old in zip(modules, before, strict=True):
        for name, value in module.named_parameters():
            assert not torch.equal(value.detach(), old[name]), name


def test_what_torch_changes_shows_in_the_kernels_scores(shop: tuple[Recommender, ProfileShard]) -> None:
    recommender, shard = shop
    inputs = betted(recommender, shard)
    before = scores_of_kernel(recommender, inputs)
    module = ranker_module(recommender.knowledge.ranker)
    with torch.no_grad():
        module.get_parameter("bias")[inputs.items[7]] += 2.0
    added = scores_of_kernel(recommender, inputs) - before
    assert added[7].item() == pytest.approx(2.0, abs=1e-4)
    assert torch.count_nonzero(added) == 1


def test_tables_that_grew_are_other_memory(shop: tuple[Recommender, ProfileShard]) -> None:
    recommender, shard = shop
    old = ranker_module(recommender.knowledge.ranker).get_parameter("bias")
    recommender.learn(shard, random_batch(5, 20_000, 40, 20 * ITEMS))
    new = ranker_module(recommender.knowledge.ranker).get_parameter("bias")
    assert len(new) > len(old)
    assert new.data_ptr() == recommender.knowledge.ranker.bias.ctypes.data != old.data_ptr()


def test_torch_scores_as_the_ranker_does(shop: tuple[Recommender, ProfileShard]) -> None:
    recommender, shard = shop
    inputs = betted(recommender, shard)
    scores = ranker_module(recommender.knowledge.ranker)(*inputs).detach()
    assert scores.std() > 0.1
    assert_close(scores, scores_of_kernel(recommender, inputs), 1e-4)


def test_torch_gives_the_logits_of_the_vectors(shop: tuple[Recommender, ProfileShard]) -> None:
    recommender, shard = shop
    betted(recommender, shard)
    candidates = recommender.scratch.candidates
    found = int(candidates.found[0])
    items = torch.from_numpy(candidates.items[:found].astype(np.int64))
    taste = torch.from_numpy(shard.profiles.taste[USER])
    logits = vectors_module(recommender.knowledge.vectors)(taste, history_rows(shard), items).detach()
    assert logits.std() > 0.05
    assert_close(logits - logits.max(), torch.from_numpy(candidates.logits[:found].copy()), 1e-4)


def test_the_rankers_step_is_adagrad_on_the_gradient_that_torch_finds(shop: tuple[Recommender, ProfileShard]) -> None:
    recommender, shard = shop
    ranker, scratch = recommender.knowledge.ranker, recommender.scratch
    inputs, target = betted(recommender, shard), 11
    module = ranker_module(Ranker._make(array.copy() for array in ranker))
    before = {name: value.detach().clone() for name, value in module.named_parameters()}
    adagrad_step(module, cross_entropy(module(*inputs), torch.tensor(target)))
    count = len(inputs.items)
    learn_chosen(ranker, scratch.candidates, count, inputs.context, target, 1.0, scratch.features, scratch.ranker)
    for name, expected in module.named_parameters():
        step = torch.from_numpy(getattr(ranker, name)) - before[name]
        assert step.abs().max() > 1e-5, name
        assert_close(step, expected.detach() - before[name], 1e-6)
        assert_close(torch.from_numpy(getattr(ranker, f"{name}_squares")), module.get_buffer(f"{name}_squares"), 1e-6)


def adagrad_step(module: nn.Module, loss: torch.Tensor) -> None:
    """One step of torch's own Adagrad, going on from the sums of squares in the module."""
    parameters = list(module.named_parameters())
    groups = [{"params": [value], "lr": RANKER_RATES.get(name, HIDDEN_RATE)} for name, value in parameters]
    optimizer = torch.optim.Adagrad(groups, eps=0.0)
    for name, value in parameters:
        optimizer.state[value]["sum"] = module.get_buffer(f"{name}_squares")
    loss.backward()
    optimizer.step()


class Lesson(NamedTuple):
    """All that one step of the item vectors takes; the user's history and what is drawn hold no item twice."""

    vectors: Vectors
    profiles: Profiles
    counts: Float64s


@pytest.fixture
def lesson() -> Lesson:
    random, rows = np.random.default_rng(5), RECENT_EVENTS
    vectors, profiles = Vectors.empty(rows), Profiles.empty(1)
    for table in (vectors.inputs, vectors.outputs):
        table *= 10
    vectors.bias[:] = random.normal(0, 0.5, rows)
    vectors.recent[:] = random.permutation(rows)
    vectors.counters[:] = 3 * RECENT_EVENTS + 1, rows
    profiles.taste[0] = random.normal(0, 0.3, WIDTH)
    profiles.taste_squares[0] = 0.2
    profiles.items[0, :12], profiles.events[0] = random.choice(rows, 12, replace=False), 12
    profiles.items[0, 4] = -1
    return Lesson(vectors, profiles, random.random(rows))


def test_the_vectors_step_is_row_wise_adagrad_on_the_gradient_that_torch_finds(lesson: Lesson) -> None:
    (vectors, profiles, counts), rows = lesson, np.array([0, 17], np.int32)
    user, item = rows
    module = vectors_module(Vectors._make(array.copy() for array in vectors))
    taste = torch.from_numpy(profiles.taste[0].copy()).requires_grad_()
    scratch = VectorScratch.empty()
    read_history(vectors, scratch, profiles, user)
    learn_vectors(vectors, scratch, profiles, counts, float(counts.sum()), user, item, 1.0)
    assert len(set(scratch.sampled.tolist())) == 1 + NEGATIVES
    sampled_loss(module, taste, torch.from_numpy(profiles.items[0, :12][::-1].copy()), scratch, counts).backward()
    for name, value in module.named_parameters():
        rate = POSITION_RATE if name == "positions" else RATE
        after, squares = (torch.from_numpy(getattr(vectors, each)) for each in (name, SQUARES[name]))
        assert_stepped(value, value.grad, module.get_buffer(SQUARES[name]), rate, after, squares)
    sums = torch.from_numpy(FIRST_SQUARE + profiles.taste_squares)
    before, after = taste[None], torch.from_numpy(profiles.taste)
    assert taste.grad is not None
    assert_stepped(before, taste.grad[None], torch.tensor([FIRST_SQUARE + 0.2]), RATE, after, sums)


def sampled_loss(
    module: nn.Module, taste: torch.Tensor, history: torch.Tensor, scratch: VectorScratch, counts: Float64s
) -> torch.Tensor:
    """Cross-entropy of a softmax over what the kernel drew, the first being the target, with logQ correction."""
    drawn = torch.from_numpy(scratch.sampled.astype(np.int64))
    share = 0.5 * torch.from_numpy(counts)[drawn] / counts.sum() + 0.5 / len(counts)
    correction = torch.log(NEGATIVES * share)
    correction[0] = 0.0
    loss: torch.Tensor = cross_entropy(module(taste, history, drawn) - correction.float(), torch.tensor(0))
    return loss


def assert_stepped(
    value: torch.Tensor,
    gradient: torch.Tensor | None,
    squares: torch.Tensor,
    rate: float,
    value_after: torch.Tensor,
    squares_after: torch.Tensor,
) -> None:
    """Adagrad's step, with one sum of the mean squared gradient for each row."""
    assert gradient is not None
    by_row = gradient.reshape(len(gradient), -1)
    sums = squares + (by_row**2).mean(dim=1)
    step = rate * by_row / sums.sqrt()[:, None]
    assert step.abs().max() > 1e-4
    assert_close(squares_after, sums, 1e-6)
    assert_close(value.detach() - value_after, step.reshape(gradient.shape), 1e-6)
