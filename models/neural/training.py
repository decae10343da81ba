"""Training of the sequence expert: some steps of Adam on the newest examples and on drawn older ones.

Cross-entropy of a softmax over all items that came, or, where they are many, over sampled ones with logQ correction
(Bengio & Senecal 2008; Yi et al. 2019); Adam (Kingma & Ba 2015), of the rows at hand only. What is drawn follows from
the numbers of examples and steps, so that a replay trains the same. A step whose loss or gradient is not finite
changes nothing but the rate, which it halves.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, linear

from models.batch import Float32s, Float64s, Int32s, Int64s
from models.compiled import kernel
from models.elementary import exponential
from models.experts.sequence import EXAMPLES, EXAMPLES_SEEN, WIDTH, WINDOW_EVENTS, Sequence
from models.lane_sums import total
from models.lanes import LANES
from models.neural.reading import BIAS, ITEMS, Tables, read
from models.seen import below, pair_hash

BATCH_EXAMPLES = 512
REPLAYED_BATCHES = 3
FULL_SOFTMAX_ITEMS = 10_000
NEGATIVES = 1024
DROPPED_BYTES = 51  # of 256: a fifth
MEAN_DECAY, SQUARE_DECAY, LEAST_ROOT = 0.9, 0.999, 1e-8
AVERAGED_STEPS = 40
FIRST_RATE = 0.003
STEPS, STEPS_DROPPED = range(2)
IMPOSSIBLE = -1e30
_EXAMPLE_DRAW, _CAME_DRAW, _KNOWN_DRAW, _DROPOUT_DRAW = range(4)

_KEPT = np.float32(256 / (256 - DROPPED_BYTES))


class State(NamedTuple):
    """What training changes, by the names of parameters; `items` (n, 64) and `bias` (n,) are those of n items.

    Attributes:
        values: the parameters; averages: their moving averages.
        means, squares: Adam's moving averages of the gradients and of their squares.
        trained: (2,) int64, steps; steps that were dropped.
        rate: (1,) float64, of Adam, halved by each dropped step.
    """

    values: Tables
    averages: Tables
    means: Tables
    squares: Tables
    trained: Int64s
    rate: Float64s

    @classmethod
    def first(cls, values: Tables) -> "State":
        """Nothing was trained."""
        averages = {name: value.copy() for name, value in values.items()}
        means, squares = ({name: np.zeros_like(value) for name, value in values.items()} for _ in range(2))
        return cls(values, averages, means, squares, np.zeros(2, np.int64), np.full(1, FIRST_RATE))

    def with_items(self, first_items: Float32s) -> "State":
        """The same with more rows of items, which begin as `first_items` (more, 64) has them."""
        own = self.values | {ITEMS: first_items, BIAS: np.zeros(len(first_items), np.float32)}
        larger, rows = State.first(own), len(self.values[BIAS])
        for before, after in zip(self[:4], larger[:4], strict=True):
            after |= {name: array for name, array in before.items() if name not in (ITEMS, BIAS)}
            for name in (ITEMS, BIAS):
                after[name][:rows] = before[name]
        return larger._replace(trained=self.trained, rate=self.rate)

    def forget(self, rows: Int32s, first_items: Float32s) -> None:
        """The rows go to other items, which begin as `first_items` (rows, 64) has them."""
        for tables in self[:4]:
            tables[ITEMS][rows], tables[BIAS][rows] = 0, 0
        self.values[ITEMS][rows] = self.averages[ITEMS][rows] = first_items


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
            backs = _drawn(number, _EXAMPLE_DRAW, held, len(backs))
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
    came = sequence.targets[_drawn(number, _CAME_DRAW, held, NEGATIVES // 2)]
    items = np.concatenate([came[came >= 0], known[_drawn(number, _KNOWN_DRAW, len(known), NEGATIVES // 2)]])
    places = np.searchsorted(known, items)
    return items, np.log(NEGATIVES * (0.5 * shares[places] + 0.5 / len(known))).astype(np.float32)


def train(state: State, encoder: nn.Module, batches: list[Batch]) -> None:
    """A step on each batch; the encoder's parameters share the memory of `state.values`.

    Uses one thread: with more, sums come in another order.
    """
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):  # encoders draw what they drop
        for batch in batches:
            torch.manual_seed(batch.number)
            _step(state, encoder, batch)


def _step(state: State, encoder: nn.Module, batch: Batch) -> None:
    """Learns a batch; a step whose loss or gradient is not finite changes nothing but the rate."""
    own = {name: torch.from_numpy(state.values[name][batch.rows]).requires_grad_() for name in (ITEMS, BIAS)}
    own |= dict(encoder.named_parameters())
    encoder.zero_grad()
    loss = _loss(encoder, own[ITEMS], own[BIAS], batch)
    if bool(loss.isfinite()):
        loss.backward()
    gradients = {name: each.grad for name, each in own.items() if each.grad is not None}
    if len(gradients) < len(own) or not all(bool(gradient.sum().isfinite()) for gradient in gradients.values()):
        state.trained[STEPS_DROPPED] += 1
        state.rate[0] /= 2
        return
    state.trained[STEPS] += 1
    step = int(state.trained[STEPS])
    rate = np.float32(state.rate[0] * (1 - SQUARE_DECAY**step) ** 0.5 / (1 - MEAN_DECAY**step))
    for name, gradient in gradients.items():
        values, averages, means, squares = (each[name].reshape(len(each[name]), -1) for each in state[:4])
        rows = batch.rows if name in (ITEMS, BIAS) else np.arange(len(values))
        _descend(values, averages, means, squares, gradient.numpy().reshape(len(rows), -1), rows, rate)


def _loss(encoder: nn.Module, items: Tensor, bias: Tensor, batch: Batch) -> Tensor:
    """Weighed mean over the examples; `items` (r, 64) and `bias` (r,) of the rows at hand."""
    targets, weights = torch.from_numpy(batch.targets), torch.from_numpy(batch.weights)  # (b,), (b,)
    users = read(encoder, items, torch.from_numpy(batch.histories), torch.from_numpy(_kept(batch)))  # (b, 64)
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
        return logits.new_tensor(_take_slopes(ctx.slopes.numpy(), targets.numpy(), weights.numpy()))

    @staticmethod
    def backward(ctx: Any, *_ones: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        return ctx.slopes, None, None


def _drawn(number: int, purpose: int, bound: int, count: int) -> Int64s:
    """(count,) numbers from 0 to below `bound`, for step `number`."""
    out = np.zeros(count, np.int64)
    _draw(_seed(number, purpose), bound, out)
    return out


def _kept(batch: Batch) -> Float32s:
    """(b, 20, 64): 0 where an input is dropped, else what makes up for that on average."""
    out = np.zeros((len(batch.targets), WINDOW_EVENTS, WIDTH), np.float32)
    _keep(_seed(batch.number, _DROPOUT_DRAW), out.reshape(-1))
    return out


def _seed(number: int, purpose: int) -> np.uint64:
    return np.uint64(4 * number + purpose + 1)


@kernel
def _draw(seed: np.uint64, bound: int, out: Int64s) -> None:
    for place in range(len(out)):
        out[place] = below(pair_hash(seed, np.uint64(place + 1)), bound)


@kernel
def _keep(seed: np.uint64, out: Float32s) -> None:
    """Eight decisions by one hash."""
    for word in range(len(out) // 8):
        bits = pair_hash(seed, np.uint64(word + 1))
        for byte in range(8):
            out[8 * word + byte] = _KEPT if (bits & np.uint64(255)) >= np.uint64(DROPPED_BYTES) else np.float32(0.0)
            bits >>= np.uint64(8)


@kernel
def _take_slopes(logits: Float32s, targets: Int64s, weights: Float32s) -> float:
    """Replaces the logits (b, n) by the gradient of the weighed loss, which it returns."""
    loss, lanes = 0.0, logits.shape[1] // LANES * LANES
    for place in range(len(logits)):
        row, highest, whole = logits[place], np.float32(-3e38), np.float32(0.0)
        for item in range(len(row)):
            highest = max(highest, row[item])
        wanted = row[targets[place]] - highest
        for item in range(len(row)):
            row[item] = exponential(row[item] - highest)
        whole += total(row, lanes)
        for item in range(lanes, len(row)):
            whole += row[item]
        share = weights[place] / whole
        for item in range(len(row)):
            row[item] *= share
        row[targets[place]] -= weights[place]
        loss += weights[place] * (np.log(whole) - wanted)
    return loss


@kernel
def _descend(
    values: Float32s,
    averages: Float32s,
    means: Float32s,
    squares: Float32s,
    gradients: Float32s,
    rows: Int64s,
    rate: np.float32,
) -> None:
    """Adam's step of these rows down their gradients, (r, w), and their averages after it.

    `rate` holds the corrections for the first steps.
    """
    for place in range(len(rows)):
        row, gradient = rows[place], gradients[place]
        value, average, mean, square = values[row], averages[row], means[row], squares[row]
        for part in range(len(gradient)):
            slope = gradient[part]
            mean[part] += np.float32(1 - MEAN_DECAY) * (slope - mean[part])
            square[part] += np.float32(1 - SQUARE_DECAY) * (slope * slope - square[part])
            value[part] -= rate * mean[part] / (np.sqrt(square[part]) + np.float32(LEAST_ROOT))
            average[part] += np.float32(1 / AVERAGED_STEPS) * (value[part] - average[part])
