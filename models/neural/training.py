"""Training of the sequence expert: some steps of Adam on the newest examples and on drawn older ones.

Cross-entropy of a softmax over all items that came, or, where they are many, over sampled ones with logQ correction
(Bengio & Senecal 2008; Yi et al. 2019); Adam (Kingma & Ba 2015), of the rows at hand only. What is drawn follows from
the numbers of examples and steps, so that a replay trains the same. A step whose loss or gradient is not finite
changes nothing but the rate, which it halves.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import embedding, linear

from models.batch import Bools, Float32s, Float64s, Int32s, Int64s
from models.experts.sequence import EXAMPLES, EXAMPLES_SEEN, WIDTH, WINDOW_EVENTS, Sequence
from models.neural.descent import MEAN_DECAY, SQUARE_DECAY, descend, take_slopes
from models.neural.draws import CAME_DRAW, EXAMPLE_DRAW, KNOWN_DRAW, drawn, kept
from models.neural.reading import BIAS, ITEMS, Tables
from models.neural.tuned import Tuned

BATCH_EXAMPLES = 512
REPLAYED_BATCHES = 3
FULL_SOFTMAX_ITEMS = 10_000
NEGATIVES = 1024
STEPS, STEPS_DROPPED = range(2)
IMPOSSIBLE = -1e30


class State(NamedTuple):
    """What training changes, by the names of parameters; `items` (n, 64) and `bias` (n,) are those of n items.

    Attributes:
        values: the parameters; averages: their moving averages.
        means, squares: Adam's moving averages of the gradients and of their squares.
        trained: (2,) int64, steps; steps that were dropped.
        rate: (1,) float64, of Adam, halved by each dropped step.
        frozen: (n,) bool, items whose vectors stand still, as their base has them.
    """

    values: Tables
    averages: Tables
    means: Tables
    squares: Tables
    trained: Int64s
    rate: Float64s
    frozen: Bools

    @classmethod
    def first(cls, values: Tables, rate: float) -> "State":
        """Nothing was trained."""
        averages = {name: value.copy() for name, value in values.items()}
        means, squares = ({name: np.zeros_like(value) for name, value in values.items()} for _ in range(2))
        frozen = np.zeros(len(values[BIAS]), np.bool_)
        return cls(values, averages, means, squares, np.zeros(2, np.int64), np.full(1, rate), frozen)

    def with_items(self, first_items: Float32s) -> "State":
        """The same with more rows of items, which begin as `first_items` (more, 64) has them."""
        own = self.values | {ITEMS: first_items, BIAS: np.zeros(len(first_items), np.float32)}
        larger, rows = State.first(own, 0.0), len(self.values[BIAS])
        for before, after in zip(self[:4], larger[:4], strict=True):
            after |= {name: array for name, array in before.items() if name not in (ITEMS, BIAS)}
            for name in (ITEMS, BIAS):
                after[name][:rows] = before[name]
        larger.frozen[:rows] = self.frozen
        return larger._replace(trained=self.trained, rate=self.rate)

    def forget(self, rows: Int32s, first_items: Float32s) -> None:
        """The rows go to other items, which begin as `first_items` (rows, 64) has them."""
        for tables in self[:4]:
            tables[ITEMS][rows], tables[BIAS][rows] = 0, 0
        self.values[ITEMS][rows] = self.averages[ITEMS][rows] = first_items
        self.frozen[rows] = False

    def place(self, rows: Int64s, items: Float32s, bias: Float32s, *, frozen: bool) -> None:
        """The rows go to items that a base knows, by vectors (rows, 64) and biases (rows,)."""
        for tables in (self.values, self.averages):
            tables[ITEMS][rows], tables[BIAS][rows] = items, bias
        self.frozen[rows] = frozen


class Batch(NamedTuple):
    """Examples to train on, over r rows of items.

    Attributes:
        number: of the step, counted over all.
        rows: (r,) int64, rows of the items at hand, ascending.
        histories: (b, 20) int64, targets: (b,) int64, places in `rows`; -1 = none.
        weights: (b,) float32, of the examples.
        negatives: (m,) int64, places in `rows` of the items drawn, and corrections: (m,) float32, log of how often each
            was to be expected; both empty = the softmax goes over all rows.
    """

    number: int
    rows: Int64s
    histories: Int64s
    targets: Int64s
    weights: Float32s
    negatives: Int64s
    corrections: Float32s


def draw_batches(sequence: Sequence, trained: Int64s, known: Int64s, shares: Float32s) -> list[Batch]:
    """What one training learns: the newest 512 examples, then three times 512 drawn from the last 50,000.

    `known` (k,) are the rows of the items that came, ascending, and `shares` (k,) their parts of the events over the
    long run.
    """
    seen, done = int(sequence.counters[EXAMPLES_SEEN]), int(trained.sum())
    held, batches = min(seen, EXAMPLES), []
    for number in range(done, done + 1 + REPLAYED_BATCHES):
        backs = np.arange(min(held, BATCH_EXAMPLES))
        if number > done:
            backs = drawn(number, EXAMPLE_DRAW, held, len(backs))
        batches.append(_batch(sequence, number, (seen - 1 - backs) % EXAMPLES, known, shares))
    return [batch for batch in batches if len(batch.targets)]


def _batch(sequence: Sequence, number: int, places: Int64s, known: Int64s, shares: Float32s) -> Batch:
    """The examples in these places of the ring, less those of which the item or the whole history is forgotten."""
    places = places[(sequence.targets[places] >= 0) & (sequence.histories[places] >= 0).any(axis=1)]
    histories, targets = sequence.histories[places], sequence.targets[places]
    rows, negatives, corrections = known, np.zeros(0, np.int64), np.zeros(0, np.float32)
    if len(known) > FULL_SOFTMAX_ITEMS and len(places):
        negatives, corrections = _negatives(sequence, number, known, shares)
        rows = np.unique(np.concatenate([histories.ravel(), targets, negatives]))
        rows = rows[rows >= 0]
    place_of = np.full(len(sequence.bias) + 1, -1)  # the last one for rows of -1
    place_of[rows] = np.arange(len(rows))
    weights = sequence.weights[places]
    return Batch(number, rows, place_of[histories], place_of[targets], weights, place_of[negatives], corrections)


def _negatives(sequence: Sequence, number: int, known: Int64s, shares: Float32s) -> tuple[Int64s, Float32s]:
    """Half of them items of examples, half any known ones; with the logarithm of how often each is to be expected."""
    held = int(min(sequence.counters[EXAMPLES_SEEN], EXAMPLES))
    came = sequence.targets[drawn(number, CAME_DRAW, held, NEGATIVES // 2)]
    items = np.concatenate([came[came >= 0], known[drawn(number, KNOWN_DRAW, len(known), NEGATIVES // 2)]])
    places = np.searchsorted(known, items)
    return items, np.log(NEGATIVES * (0.5 * shares[places] + 0.5 / len(known))).astype(np.float32)


def train(state: State, tuned: Tuned, batches: list[Batch]) -> None:
    """A step on each batch.

    Uses one thread: with more, sums come in another order.
    """
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):  # encoders draw what they drop
        for batch in batches:
            torch.manual_seed(batch.number)
            _step(state, tuned, batch)


def _step(state: State, tuned: Tuned, batch: Batch) -> None:
    """Learns a batch; a step whose loss or gradient is not finite changes nothing but the rate."""
    tuned.write(state.values)
    own = {name: torch.from_numpy(state.values[name][batch.rows]).requires_grad_() for name in (ITEMS, BIAS)}
    own |= {name: each for name, each in tuned.encoder.named_parameters() if each.requires_grad}
    tuned.encoder.zero_grad()
    loss = _loss(tuned, own[ITEMS], own[BIAS], batch)
    if bool(loss.isfinite()):
        loss.backward()
    slopes = {name: each.grad.numpy() for name, each in own.items() if each.grad is not None}
    if len(slopes) < len(own) or not all(np.isfinite(slope.sum()) for slope in slopes.values()):
        state.trained[STEPS_DROPPED] += 1
        state.rate[0] /= 2
        return
    state.trained[STEPS] += 1
    step = int(state.trained[STEPS])
    rate = np.float32(state.rate[0] * (1 - SQUARE_DECAY**step) ** 0.5 / (1 - MEAN_DECAY**step))
    free = ~state.frozen[batch.rows]
    rows = {ITEMS: batch.rows[free], BIAS: batch.rows}
    gradients = {ITEMS: slopes.pop(ITEMS)[free], BIAS: slopes.pop(BIAS)}
    for name, each in (gradients | tuned.adapter.gradients(state.values, slopes)).items():
        gradient = each.reshape(len(each), math.prod(each.shape[1:]))
        values, averages, means, squares = (tables[name].reshape(-1, gradient.shape[1]) for tables in state[:4])
        descend(values, averages, means, squares, gradient, rows.get(name, np.arange(len(values))), rate)


def _loss(tuned: Tuned, items: Tensor, bias: Tensor, batch: Batch) -> Tensor:
    """Weighed mean over the examples; `items` (r, 64) and `bias` (r,) of the rows at hand."""
    targets, weights = torch.from_numpy(batch.targets), torch.from_numpy(batch.weights)  # (b,), (b,)
    dropout = torch.from_numpy(kept(batch.number, (len(batch.targets), WINDOW_EVENTS, WIDTH)))  # (b, 20, 64)
    users = tuned.read(items, torch.from_numpy(batch.histories), dropout)  # (b, 64)
    if len(batch.negatives):
        logits = _sampled_logits(users, items, bias, targets, torch.from_numpy(batch.negatives))  # (b, 1 + m)
        logits = logits - torch.from_numpy(np.append(np.float32(0), batch.corrections))  # (b, 1 + m)
        targets = torch.zeros_like(targets)  # (b,)
    else:
        logits = linear(users, items, bias)  # (b, r)
    loss: Tensor = _CrossEntropy.apply(logits, targets, weights / weights.sum())
    return loss


def _sampled_logits(users: Tensor, items: Tensor, bias: Tensor, targets: Tensor, negatives: Tensor) -> Tensor:
    """(b, 1 + m): of each example's own item, `targets` (b,), then of all `negatives` (m,), its own less likely."""
    wanted = (users * embedding(targets, items)).sum(1) + bias[targets]  # (b,)
    others = linear(users, embedding(negatives, items), bias[negatives])  # (b, m)
    others = others.masked_fill(negatives == targets[:, None], IMPOSSIBLE)  # (b, m)
    return torch.cat([wanted[:, None], others], 1)  # (b, 1 + m)


class _CrossEntropy(torch.autograd.Function):
    """Weighed mean of cross-entropies; its gradient takes the place of the logits, which nobody needs after it."""

    @staticmethod
    def forward(ctx: Any, logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        if not bool(logits.sum().isfinite()):  # kernels do not look
            return logits.new_tensor(torch.nan)
        ctx.slopes = logits.detach()
        return logits.new_tensor(take_slopes(ctx.slopes.numpy(), targets.numpy(), weights.numpy()))

    @staticmethod
    def backward(ctx: Any, *_ones: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        return ctx.slopes, None, None
