"""Sequence: what follows the order of the last items, by self-attention that torch trains between two events.

One block after SASRec (Kang & McAuley 2018), of which only the newest place is asked. With x_r = 3 E[c_r] + P_r for the
r-th last item c_r, newest r = 0:
a = softmax_r((W_q x_0) . (W_k x_r) / 8), y = x_0 + W_o W_v sum_r a_r x_r,
h = norm(y + W_2 relu(W_1 norm(y) + b_1) + b_2); logit_j = h . E[j] + b_j, norm being layer normalisation (Ba et al.
2016). Keys and values are linear in x, so the sums over r are taken first, and no matrix meets every item.

What is trained lags behind by up to an interval of events (`neural/training.py`), and averages of it score, which are
steadier; the history is the user's last items as they are.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from models.batch import Float32s, Float64s, Int32s, Int64s
from models.candidates import Candidates
from models.compiled import inlined, kernel
from models.elementary import exponential
from models.lane_sums import add_weighted_rows, dot, total
from models.lanes import LANES
from models.profiles import NOBODY, Profiles, item_back, remembered

WIDTH, INNER_WIDTH = 64, 256
WINDOW_EVENTS = 20
ITEM_SCALE = 3.0
EXAMPLES = 50_000
FIRST_SPREAD, FIRST_POSITION_SPREAD = 0.02, 0.3
FIRST_RATE = 0.003
LEAST_VARIANCE = 1e-5
EXAMPLES_SEEN, TRAINED_AT, STEPS, STEPS_DROPPED = range(4)
_SEED = 25


class Parameters(NamedTuple):
    """What is trained; also what Adam remembers of each.

    Attributes:
        items: (n, 64) float32, E; bias: (n,) float32, b.
        positions: (20, 64) float32, P, newest first.
        query, key, value, output: (64, 64) float32, W_q, W_k, W_v, W_o.
        norm_scale, norm_offset: (64,) float32, of the inner norm; last_scale, last_offset: of the last one.
        inner: (256, 64) float32, W_1; inner_offset: (256,) float32, b_1.
        outer: (64, 256) float32, W_2; outer_offset: (64,) float32, b_2.
    """

    items: Float32s
    bias: Float32s
    positions: Float32s
    query: Float32s
    key: Float32s
    value: Float32s
    output: Float32s
    norm_scale: Float32s
    norm_offset: Float32s
    inner: Float32s
    inner_offset: Float32s
    outer: Float32s
    outer_offset: Float32s
    last_scale: Float32s
    last_offset: Float32s

    @classmethod
    def first(cls, items: int) -> "Parameters":
        """Small random ones, always the same for a row."""
        random = np.random.default_rng(_SEED)

        def drawn(spread: float, rows: int, width: int = WIDTH) -> Float32s:
            return random.standard_normal((rows, width), np.float32) * np.float32(spread)

        positions = drawn(FIRST_POSITION_SPREAD, WINDOW_EVENTS)
        query, key, value, output = (drawn(WIDTH**-0.5, WIDTH) for _ in range(4))
        inner = drawn(WIDTH**-0.5, INNER_WIDTH)
        outer = drawn(INNER_WIDTH**-0.5, WIDTH, INNER_WIDTH)
        ones, zeros = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)
        return cls(
            items=drawn(FIRST_SPREAD, items),
            bias=np.zeros(items, np.float32),
            positions=positions,
            query=query,
            key=key,
            value=value,
            output=output,
            norm_scale=ones,
            norm_offset=zeros,
            inner=inner,
            inner_offset=np.zeros(INNER_WIDTH, np.float32),
            outer=outer,
            outer_offset=zeros.copy(),
            last_scale=ones.copy(),
            last_offset=zeros.copy(),
        )

    @classmethod
    def zeros(cls, items: int) -> "Parameters":
        """Of the same shapes."""
        return cls._make(np.zeros_like(array) for array in cls.first(items))


class Sequence(NamedTuple):
    """Parameters of n items, what Adam remembers, and the examples to train on; empty arrays where it is off.

    Attributes:
        parameters: what is trained; averages: their moving averages, which score (Polyak & Juditsky 1992).
        means, squares: Adam's moving averages of the gradients and of their squares.
        histories: (50000, 20) int32, ring of examples: rows of the user's last items then, newest first; -1 = none,
            or forgotten since.
        targets: (50000,) int32, beside it, the item that came; -1 = forgotten. weights: (50000,) float32, its weight.
        counters: (4,) int64, examples so far; events learned when it was trained last; steps; steps that were dropped.
        rate: (1,) float64, of Adam, halved by each dropped step.
    """

    parameters: Parameters
    averages: Parameters
    means: Parameters
    squares: Parameters
    histories: Int32s
    targets: Int32s
    weights: Float32s
    counters: Int64s
    rate: Float64s

    @classmethod
    def empty(cls, items: int) -> "Sequence":
        """Nothing was trained."""
        return cls(
            Parameters.first(items),
            Parameters.first(items),
            Parameters.zeros(items),
            Parameters.zeros(items),
            np.full((EXAMPLES, WINDOW_EVENTS), NOBODY, np.int32),
            np.full(EXAMPLES, NOBODY, np.int32),
            np.zeros(EXAMPLES, np.float32),
            np.zeros(4, np.int64),
            np.full(1, FIRST_RATE),
        )

    @classmethod
    def off(cls) -> "Sequence":
        """Of an expert that does not take part."""
        return _off()


@cache
def _off() -> Sequence:
    """Empty arrays, which everybody may share."""
    one = Sequence.empty(0)
    nothing = Parameters._make(np.zeros((0,) * array.ndim, np.float32) for array in one.parameters)
    tables = (np.zeros((0,) * array.ndim, array.dtype) for array in one[4:])
    return Sequence(nothing, nothing, nothing, nothing, *tables)


class SequenceScratch(NamedTuple):
    """Scratch memory for one user after the other.

    Attributes:
        inputs: (20, 64) float32, x, newest first; 0 where there is none.
        attention: (20 + 15,) float32, a; the last ones stay 0.
        vectors: (2, 64) float32, inner: (256,) float32, of the steps in between.
        history: (64,) float32, h of the user at hand.
    """

    inputs: Float32s
    attention: Float32s
    vectors: Float32s
    inner: Float32s
    history: Float32s

    @classmethod
    def empty(cls) -> "SequenceScratch":
        """Nothing yet."""
        return cls(
            np.zeros((WINDOW_EVENTS, WIDTH), np.float32),
            np.zeros(WINDOW_EVENTS + LANES - 1, np.float32),
            np.zeros((2, WIDTH), np.float32),
            np.zeros(INNER_WIDTH, np.float32),
            np.zeros(WIDTH, np.float32),
        )


def forget_sequence(sequence: Sequence, rows: Int32s) -> None:
    """The rows go to other items."""
    if not len(sequence.counters):
        return
    first = Parameters.first(len(sequence.parameters.bias)).items[rows]
    for learned in (sequence.parameters, sequence.averages):
        learned.items[rows], learned.bias[rows] = first, 0
    for remembered_slopes in (sequence.means, sequence.squares):
        remembered_slopes.items[rows], remembered_slopes.bias[rows] = 0, 0
    sequence.histories[np.isin(sequence.histories, rows)] = NOBODY
    sequence.targets[np.isin(sequence.targets, rows)] = NOBODY


@inlined
def note_example(sequence: Sequence, profiles: Profiles, user: int, item: int, weight: float) -> None:
    """The item is to be learned as what follows the user's history, before that takes it in."""
    if len(sequence.counters) == 0 or remembered(profiles, user) == 0:
        return
    place = sequence.counters[EXAMPLES_SEEN] % EXAMPLES
    history, held = sequence.histories[place], remembered(profiles, user)
    for back in range(WINDOW_EVENTS):
        history[back] = item_back(profiles, user, back) if back < held else NOBODY
    sequence.targets[place], sequence.weights[place] = item, weight
    sequence.counters[EXAMPLES_SEEN] += 1


@inlined
def is_training_due(sequence: Sequence, events: int, every: int) -> bool:
    """Whether so many events have been learned since it was trained; never in one that is off."""
    return len(sequence.counters) > 0 and events - sequence.counters[TRAINED_AT] >= every


@kernel
def score_sequence(
    sequence: Sequence, scratch: SequenceScratch, profiles: Profiles, user: int, candidates: Candidates, out: Float32s
) -> None:
    """Exp of the logit less the highest one; nothing for a user without history, or before it was trained."""
    if sequence.counters[STEPS] == 0 or not _read(sequence.averages, scratch, profiles, user):
        return
    parameters, highest = sequence.averages, np.float32(-3e38)
    for position in range(candidates.found[0]):
        item = candidates.items[position]
        out[position] = parameters.bias[item] + dot(scratch.history, parameters.items[item])
        highest = max(highest, out[position])
    logits = out[: candidates.found[0]]
    for position in range(len(logits)):
        logits[position] = exponential(logits[position] - highest)


@kernel
def _read(parameters: Parameters, scratch: SequenceScratch, profiles: Profiles, user: int) -> bool:
    """Sets `history` for the user; false where no item of the window is known."""
    held, known = min(remembered(profiles, user), WINDOW_EVENTS), 0
    for back in range(held):
        row, inputs, position = item_back(profiles, user, back), scratch.inputs[back], parameters.positions[back]
        scratch.attention[back] = np.float32(1.0 if row >= 0 else 0.0)
        known += 1 if row >= 0 else 0
        vector, scale = parameters.items[max(row, 0)], np.float32(ITEM_SCALE if row >= 0 else 0.0)
        for part in range(len(inputs)):
            inputs[part] = position[part] + scale * vector[part]
    if known > 0:
        _attend(parameters, scratch, held)
        _transform(parameters, scratch)
    return known > 0


@kernel
def _attend(parameters: Parameters, scratch: SequenceScratch, held: int) -> None:
    """Sets `history` to y."""
    one, other = scratch.vectors[0], scratch.vectors[1]
    _multiply(parameters.query, scratch.inputs[0], one)
    other[:] = np.float32(0.0)
    add_weighted_rows(one, parameters.key, WIDTH, other)
    _weigh(scratch, other, held)
    one[:] = np.float32(0.0)
    add_weighted_rows(scratch.attention[:held], scratch.inputs, WIDTH, one)
    _multiply(parameters.value, one, other)
    _multiply(parameters.output, other, one)
    for part in range(len(one)):
        scratch.history[part] = scratch.inputs[0, part] + one[part]


@kernel
def _weigh(scratch: SequenceScratch, key: Float32s, held: int) -> None:
    """Softmax over the known items."""
    attention, highest = scratch.attention, np.float32(-3e38)
    for back in range(held):
        logit = np.float32(-1e30)
        if attention[back] > 0:
            logit = np.float32(WIDTH**-0.5) * dot(key, scratch.inputs[back])
        attention[back] = logit
        highest = max(highest, logit)
    for back in range(len(attention)):
        attention[back] = exponential(attention[back] - highest) if back < held else np.float32(0.0)
    inverse = np.float32(1.0) / total(attention, held)
    for back in range(held):
        attention[back] *= inverse


@kernel
def _transform(parameters: Parameters, scratch: SequenceScratch) -> None:
    """From y in `history` to h."""
    one, inner, history = scratch.vectors[0], scratch.inner, scratch.history
    _normalise(history, parameters.norm_scale, parameters.norm_offset, one)
    _multiply(parameters.inner, one, inner)
    for part in range(len(inner)):
        inner[part] = max(inner[part] + parameters.inner_offset[part], np.float32(0.0))
    _multiply(parameters.outer, inner, one)
    for part in range(len(one)):
        one[part] += history[part] + parameters.outer_offset[part]
    _normalise(one, parameters.last_scale, parameters.last_offset, history)


@kernel
def _multiply(matrix: Float32s, vector: Float32s, out: Float32s) -> None:
    for row in range(len(out)):
        out[row] = dot(matrix[row], vector)


@kernel
def _normalise(values: Float32s, scale: Float32s, offset: Float32s, out: Float32s) -> None:
    """Layer normalisation."""
    mean = total(values, WIDTH) / np.float32(WIDTH)
    for part in range(len(out)):
        out[part] = values[part] - mean
    shrink = np.float32(1.0) / np.sqrt(dot(out, out) / np.float32(WIDTH) + np.float32(LEAST_VARIANCE))
    for part in range(len(out)):
        out[part] = out[part] * shrink * scale[part] + offset[part]
