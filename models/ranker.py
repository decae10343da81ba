"""The ranker: orders the chosen candidates by all that is known of them; learned online, listwise.

s_j = (w + w_ctx) . f_j + w2 . lrelu(W1 f_j + V x + b1) + bias_j, f: features, x: situation. It starts as the mixture
(w = e_0, the rest 0) and learns by the cross-entropy of a softmax over the candidates (ListNet: Cao et al. 2007), each
parameter at its own rate (Adagrad: Duchi et al. 2011).
"""

from typing import NamedTuple

import numpy as np

from models.batch import Float32s, Float64s
from models.candidates import CHOSEN, Candidates
from models.compiled import kernel
from models.elementary import exponential
from models.features import MIXED, SITUATION, FeatureScratch
from models.lane_sums import add_weighted_rows, dot, total
from models.mixture import CONTEXTS

HIDDEN = 32
LEAK = 0.05
CLIP = 8.0
LIMIT = 1e30
SHARED_RATE, CONTEXT_RATE, HIDDEN_RATE, BIAS_RATE = 0.05, 0.03, 0.05, 0.05
LEAST_AVERAGE_RATE = 1e-4
LEAST_VARIANCE = 1e-3
FIRST_LINEAR_SQUARE, FIRST_HIDDEN_SQUARE = 1.0, 0.1
_SEED = 7


class Ranker(NamedTuple):
    """Parameters, and for each the sum of its squared gradients (`..._squares`, of the same shape).

    Attributes:
        shared: (f,) float32, w; by_context: (24, f) float32, w_ctx.
        inner: (32, f) float32, W1; situated: (32, 9) float32, V; offset: (32,) float32, b1; outer: (32,) float32, w2.
        bias: (n,) float32, by item.
        means, variances: (f,) float32, running, of the features; lessons: (1,) float64, how often they were updated.
    """

    shared: Float32s
    shared_squares: Float32s
    by_context: Float32s
    by_context_squares: Float32s
    inner: Float32s
    inner_squares: Float32s
    situated: Float32s
    situated_squares: Float32s
    offset: Float32s
    offset_squares: Float32s
    outer: Float32s
    outer_squares: Float32s
    bias: Float32s
    bias_squares: Float32s
    means: Float32s
    variances: Float32s
    lessons: Float64s

    @classmethod
    def empty(cls, items: int, features: int) -> "Ranker":
        """Orders as the mixture does."""
        random = np.random.default_rng(_SEED)
        first = np.zeros(features, np.float32)
        first[0] = 1.0
        inner = (random.standard_normal((HIDDEN, features)) / np.sqrt(features)).astype(np.float32)
        situated = (random.standard_normal((HIDDEN, SITUATION)) / np.sqrt(SITUATION)).astype(np.float32)
        hidden = np.zeros(HIDDEN, np.float32)
        return cls(
            shared=first,
            shared_squares=np.full(features, FIRST_LINEAR_SQUARE, np.float32),
            by_context=np.zeros((CONTEXTS, features), np.float32),
            by_context_squares=np.full((CONTEXTS, features), FIRST_LINEAR_SQUARE, np.float32),
            inner=inner,
            inner_squares=np.full_like(inner, FIRST_HIDDEN_SQUARE),
            situated=situated,
            situated_squares=np.full_like(situated, FIRST_HIDDEN_SQUARE),
            offset=hidden,
            offset_squares=np.full_like(hidden, FIRST_HIDDEN_SQUARE),
            outer=hidden.copy(),
            outer_squares=np.full_like(hidden, FIRST_HIDDEN_SQUARE),
            bias=np.zeros(items, np.float32),
            bias_squares=np.full(items, FIRST_LINEAR_SQUARE, np.float32),
            means=np.zeros(features, np.float32),
            variances=np.ones(features, np.float32),
            lessons=np.zeros(1, np.float64),
        )


class RankerScratch(NamedTuple):
    """Scratch memory for one user after the other; candidates in the order in which they were chosen.

    Attributes:
        standard: (features, 128) float32, features standardised.
        weights: (features,) float32, w + w_ctx; slopes: (features,) float32, gradients of a row of parameters.
        hidden: (32, 128) float32, activations; steep: (128,) float32, gradients of a unit before its activation.
        scores: (128,) float32, s; chances: (128,) float32, their softmax, then the gradient of s; 0 beyond the last.
        best: (128,) float32, scores of the items of a list, best first.
    """

    standard: Float32s
    weights: Float32s
    slopes: Float32s
    hidden: Float32s
    steep: Float32s
    scores: Float32s
    chances: Float32s
    best: Float32s

    @classmethod
    def empty(cls, features: int) -> "RankerScratch":
        """Nothing yet."""
        return cls(
            np.zeros((features, CHOSEN), np.float32),
            np.zeros(features, np.float32),
            np.zeros(features, np.float32),
            np.zeros((HIDDEN, CHOSEN), np.float32),
            np.zeros(CHOSEN, np.float32),
            np.zeros(CHOSEN, np.float32),
            np.zeros(CHOSEN, np.float32),
            np.zeros(CHOSEN, np.float32),
        )


@kernel
def score_chosen(
    ranker: Ranker, candidates: Candidates, count: int, context: int, features: FeatureScratch, scratch: RankerScratch
) -> None:
    """Sets `scores` and `chances` of the `count` chosen candidates. Leaves no trace in the ranker."""
    _standardise(ranker, count, features.values, scratch.standard)
    scores = scratch.scores
    for place in range(count):
        scores[place] = ranker.bias[candidates.items[candidates.chosen[place]]]
    for feature in range(len(ranker.shared)):
        scratch.weights[feature] = ranker.shared[feature] + ranker.by_context[context, feature]
    add_weighted_rows(scratch.weights, scratch.standard, count, scores)
    for unit in range(HIDDEN):
        _activate(ranker, unit, count, features.situation, scratch)
    add_weighted_rows(ranker.outer, scratch.hidden, count, scores)
    softmax(scores, scratch.chances, count)


@kernel
def lift_chosen(candidates: Candidates, count: int, lifts: Float32s, scratch: RankerScratch) -> None:
    """Adds to the scores of the chosen what people decided, `lifts` by item row, and sets `chances` accordingly."""
    for place in range(count):
        scratch.scores[place] += lifts[candidates.items[candidates.chosen[place]]]
    softmax(scratch.scores, scratch.chances, count)


@kernel
def _standardise(ranker: Ranker, count: int, values: Float32s, standard: Float32s) -> None:
    """The first feature, the mixture's logarithm, is only centred: its scale is what the ranker starts from."""
    for feature in range(len(ranker.shared)):
        mean, row, out = ranker.means[feature], values[feature, :count], standard[feature, :count]
        scale, bound = np.float32(1.0), np.float32(CLIP)
        if feature == MIXED:
            bound = np.float32(LIMIT)
        else:
            scale = np.float32(1.0) / np.sqrt(ranker.variances[feature] + np.float32(LEAST_VARIANCE))
        for place in range(len(row)):
            out[place] = min(max((row[place] - mean) * scale, -bound), bound)


@kernel
def _activate(ranker: Ranker, unit: int, count: int, situation: Float32s, scratch: RankerScratch) -> None:
    start, hidden = ranker.offset[unit], scratch.hidden[unit]
    for part in range(len(situation)):
        start += ranker.situated[unit, part] * situation[part]
    for place in range(len(hidden)):
        hidden[place] = start
    add_weighted_rows(ranker.inner[unit], scratch.standard, count, hidden)
    for place in range(len(hidden)):
        hidden[place] = max(hidden[place], np.float32(LEAK) * hidden[place])


@kernel
def softmax(scores: Float32s, chances: Float32s, count: int) -> None:
    """Beyond `count` the chances are 0."""
    highest = np.float32(-LIMIT)
    for place in range(count):
        highest = max(highest, scores[place])
    for place in range(len(chances)):
        chances[place] = exponential(scores[place] - highest) if place < count else np.float32(0.0)
    inverse = np.float32(1.0) / total(chances, count)
    for place in range(len(chances)):
        chances[place] *= inverse


@kernel
def learn_averages(ranker: Ranker, count: int, features: FeatureScratch, scratch: RankerScratch) -> None:
    """Running mean and variance of the features over the candidates of one user."""
    ranker.lessons[0] += 1.0
    rate = np.float32(max(1.0 / ranker.lessons[0], LEAST_AVERAGE_RATE))
    for feature in range(len(ranker.shared)):
        row = features.values[feature]
        row[count:] = np.float32(0.0)
        ranker.means[feature] += rate * (total(row, count) / np.float32(count) - ranker.means[feature])
        row[count:] = ranker.means[feature]
        mean = ranker.means[feature]
        for place in range(len(row)):
            scratch.steep[place] = row[place] - mean
        square = dot(scratch.steep, scratch.steep)
        ranker.variances[feature] += rate * (square / np.float32(count) - ranker.variances[feature])


@kernel
def learn_chosen(
    ranker: Ranker,
    candidates: Candidates,
    count: int,
    context: int,
    target: int,
    weight: float,
    features: FeatureScratch,
    scratch: RankerScratch,
) -> None:
    """One step after `score_chosen`, the loss times `weight`: the event's item was chosen candidate number `target`."""
    slope = scratch.chances
    slope[target] -= np.float32(1.0)
    for place in range(len(slope)):
        slope[place] *= np.float32(weight)
    _learn_bias(ranker, candidates, count, slope)
    for unit in range(HIDDEN):
        _learn_unit(ranker, unit, features.situation, scratch)
    _slopes(scratch, slope)
    _descend(ranker.shared, ranker.shared_squares, scratch.slopes, SHARED_RATE)
    _descend(ranker.by_context[context], ranker.by_context_squares[context], scratch.slopes, CONTEXT_RATE)


@kernel
def _slopes(scratch: RankerScratch, slope: Float32s) -> None:
    """Gradients by the weights of the features, `slope` (128,) being that by what they make up."""
    for feature in range(len(scratch.weights)):
        scratch.slopes[feature] = dot(slope, scratch.standard[feature])


@kernel
def _descend(values: Float32s, squares: Float32s, slopes: Float32s, rate: float) -> None:
    """Adagrad's step for a row of parameters."""
    for index in range(len(values)):
        squares[index] += slopes[index] * slopes[index]
        values[index] -= np.float32(rate) * slopes[index] / np.sqrt(squares[index])


@kernel
def _step(squares: Float32s, index: int, gradient: np.float32, rate: float) -> np.float32:
    """Adagrad's step for one parameter."""
    squares[index] += gradient * gradient
    return np.float32(np.float32(rate) * gradient / np.sqrt(squares[index]))


@kernel
def _learn_bias(ranker: Ranker, candidates: Candidates, count: int, slope: Float32s) -> None:
    for place in range(count):
        item = candidates.items[candidates.chosen[place]]
        ranker.bias[item] -= _step(ranker.bias_squares, item, slope[place], BIAS_RATE)


@kernel
def _learn_unit(ranker: Ranker, unit: int, situation: Float32s, scratch: RankerScratch) -> None:
    slope, hidden, steep = scratch.chances, scratch.hidden[unit], scratch.steep
    weight = ranker.outer[unit]
    for place in range(len(slope)):
        passed = np.float32(1.0) if hidden[place] > 0 else np.float32(LEAK)
        steep[place] = slope[place] * weight * passed
    ranker.outer[unit] -= _step(ranker.outer_squares, unit, dot(slope, hidden), HIDDEN_RATE)
    through = total(steep, len(steep))
    ranker.offset[unit] -= _step(ranker.offset_squares, unit, through, HIDDEN_RATE)
    for part in range(len(situation)):
        scratch.slopes[part] = through * situation[part]
    _descend(ranker.situated[unit], ranker.situated_squares[unit], scratch.slopes, HIDDEN_RATE)
    _slopes(scratch, steep)
    _descend(ranker.inner[unit], ranker.inner_squares[unit], scratch.slopes, HIDDEN_RATE)
