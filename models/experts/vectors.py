"""Item vectors: what fits the last items, learned event by event by sampled softmax.

h = P_u + z sum_{r<20} a_r R[c_r], z = (sum_{r<20} 0.85^r)^-1/2; logit_j = h . Q_j + b_j, with P_u (from 0) and a_r
learned. FISM (Kabbur et al. 2013) with position weights and a vector of the user; sampled softmax with logQ correction
(Bengio & Senecal 2008; Yi et al. 2019), half of the negatives from the last 20,000 events, half uniform; row-wise
Adagrad (Duchi et al. 2011).
"""

from typing import NamedTuple

import numpy as np

from models.batch import Float32s, Float64s, Int32s, Int64s
from models.candidates import Candidates, propose
from models.compiled import inlined, kernel
from models.elementary import exponential, logarithm
from models.lane_sums import dot, total
from models.lanes import LANES
from models.profiles import TASTE_WIDTH, Profiles, item_back, remembered
from models.seen import below, pair_hash

WIDTH = TASTE_WIDTH
WINDOW_EVENTS = 20
POSITION_DECAY = 0.85
RECENT_EVENTS = 20_000
PROPOSED_EVENTS = 50
NEGATIVES = 64
ENOUGH_ITEMS = 10
RATE, POSITION_RATE = 0.1, 0.01
FIRST_SQUARE = 0.01
FIRST_SPREAD = 0.04
LARGEST_FIT = 60.0
_SEED = 20


class Vectors(NamedTuple):
    """Vectors of n items and what Adagrad remembers.

    Attributes:
        inputs: (n, 64) float32, R: an item as part of a history.
        outputs: (n, 64) float32, Q: an item as what comes next.
        bias: (n,) float32, b.
        positions: (20,) float32, a, newest first.
        input_squares, output_squares, bias_squares: (n,) float32; position_squares: (20,) float32, sums of squared
            gradients.
        recent: (20000,) int32, ring of the rows of the last events' items.
        counters: (2,) int64, events in the ring so far; rows of items up to the highest that was learned.
    """

    inputs: Float32s
    outputs: Float32s
    bias: Float32s
    positions: Float32s
    input_squares: Float32s
    output_squares: Float32s
    bias_squares: Float32s
    position_squares: Float32s
    recent: Int32s
    counters: Int64s

    @classmethod
    def empty(cls, items: int) -> "Vectors":
        """Small random vectors, always the same ones for a row."""
        first = first_vectors(items)
        squares = np.full(items, FIRST_SQUARE, np.float32)
        return cls(
            inputs=first[0],
            outputs=first[1],
            bias=np.zeros(items, np.float32),
            positions=(POSITION_DECAY ** np.arange(WINDOW_EVENTS)).astype(np.float32),
            input_squares=squares,
            output_squares=squares.copy(),
            bias_squares=squares.copy(),
            position_squares=np.full(WINDOW_EVENTS, FIRST_SQUARE, np.float32),
            recent=np.full(RECENT_EVENTS, -1, np.int32),
            counters=np.zeros(2, np.int64),
        )


class VectorScratch(NamedTuple):
    """Scratch memory for one user after the other.

    Attributes:
        history: (64,) float32, h of the user at hand.
        scale: (1,) float32, z.
        slope: (64,) float32, the gradient of h.
        sampled: (65,) int32, the event's item and the negatives.
        chances: (65 + 15,) float32, their logits, then their probabilities; the last ones stay 0.
    """

    history: Float32s
    scale: Float32s
    slope: Float32s
    sampled: Int32s
    chances: Float32s

    @classmethod
    def empty(cls) -> "VectorScratch":
        """Nothing yet."""
        return cls(
            history=np.zeros(WIDTH, np.float32),
            scale=np.zeros(1, np.float32),
            slope=np.zeros(WIDTH, np.float32),
            sampled=np.zeros(NEGATIVES + 1, np.int32),
            chances=np.zeros(NEGATIVES + LANES, np.float32),
        )


def first_vectors(items: int) -> tuple[Float32s, Float32s]:
    """Inputs and outputs, (n, 64) each, before anything is learned; a row's do not depend on n."""
    random = np.random.default_rng(_SEED)
    both = random.standard_normal((items, 2, WIDTH), np.float32) * np.float32(FIRST_SPREAD)
    return np.ascontiguousarray(both[:, 0]), np.ascontiguousarray(both[:, 1])


def forget_vectors(vectors: Vectors, rows: Int32s) -> None:
    """The rows go to other items."""
    inputs, outputs = first_vectors(len(vectors.bias))
    vectors.inputs[rows], vectors.outputs[rows] = inputs[rows], outputs[rows]
    vectors.bias[rows] = 0
    for squares in (vectors.input_squares, vectors.output_squares, vectors.bias_squares):
        squares[rows] = FIRST_SQUARE
    vectors.recent[np.isin(vectors.recent, rows)] = -1


@inlined
def note_recent(vectors: Vectors, item: int) -> None:
    """The item came: what came lately is proposed, and drawn as a negative."""
    vectors.recent[vectors.counters[0] % RECENT_EVENTS] = item
    vectors.counters[0] += 1
    vectors.counters[1] = max(vectors.counters[1], item + 1)


@kernel
def propose_recent(vectors: Vectors, candidates: Candidates) -> None:
    """Proposes the items of the last 50 events."""
    came = vectors.counters[0]
    for back in range(min(came, PROPOSED_EVENTS)):
        item = vectors.recent[(came - 1 - back) % RECENT_EVENTS]
        if item >= 0:
            propose(candidates, item)


@kernel
def read_history(vectors: Vectors, scratch: VectorScratch, profiles: Profiles, user: int) -> None:
    """Sets `history` and `scale` for the user."""
    history = scratch.history
    for part in range(len(history)):
        history[part] = profiles.taste[user, part]
    whole, near = np.float32(0.0), np.float32(1.0)
    for _ in range(min(remembered(profiles, user), WINDOW_EVENTS)):
        whole += near
        near *= np.float32(POSITION_DECAY)
    scale = np.float32(1.0) / np.sqrt(whole) if whole > 0 else np.float32(0.0)
    for back in range(min(remembered(profiles, user), WINDOW_EVENTS)):
        row = item_back(profiles, user, back)
        if row >= 0:
            share, vector = vectors.positions[back] * scale, vectors.inputs[row]
            for part in range(len(vector)):
                history[part] += share * vector[part]
    scratch.scale[0] = scale


@kernel
def score_vectors(vectors: Vectors, scratch: VectorScratch, candidates: Candidates, out: Float32s) -> None:
    """Exp of the logit less the highest one; the logits so lowered stay in `candidates.logits`."""
    highest = np.float32(-3e38)
    for position in range(candidates.found[0]):
        item = candidates.items[position]
        logit = vectors.bias[item] + dot(scratch.history, vectors.outputs[item])
        candidates.logits[position] = logit
        highest = max(highest, logit)
    logits = candidates.logits[: candidates.found[0]]
    for position in range(len(logits)):
        logits[position] -= highest
        out[position] = exponential(logits[position])


@kernel
def learn_vectors(
    vectors: Vectors,
    scratch: VectorScratch,
    profiles: Profiles,
    counts: Float64s,
    whole: float,
    user: int,
    item: int,
    weight: float,
) -> None:
    """One step of sampled softmax for the event's item, after `read_history` and before the tables learn the event.

    `counts` (n,) and their sum `whole` say how popular items are over the long run. The loss counts `weight` times.
    """
    if vectors.counters[1] <= ENOUGH_ITEMS:
        return
    _sample(vectors, scratch, counts, whole, item)
    square = dot(scratch.history, scratch.history)
    scratch.slope[:] = np.float32(0.0)
    for drawn in range(NEGATIVES + 1):
        other = scratch.sampled[drawn]
        if drawn > 0 and (other == item or other < 0):
            continue
        gradient = scratch.chances[drawn] - (np.float32(1.0) if drawn == 0 else np.float32(0.0))
        gradient *= np.float32(weight)
        vectors.output_squares[other] += gradient * gradient * square / WIDTH
        step = np.float32(RATE) * gradient / np.sqrt(vectors.output_squares[other])
        vector, history, slope = vectors.outputs[other], scratch.history, scratch.slope
        for part in range(len(vector)):
            slope[part] += gradient * vector[part]
            vector[part] -= step * history[part]
        vectors.bias_squares[other] += gradient * gradient
        vectors.bias[other] -= np.float32(RATE) * gradient / np.sqrt(vectors.bias_squares[other])
    _learn_inputs(vectors, scratch, profiles, user)


@kernel
def learn_distaste(
    vectors: Vectors, scratch: VectorScratch, profiles: Profiles, user: int, item: int, weight: float
) -> None:
    """One step of P_u alone, after `read_history`, by the loss `weight` log(1 + e^(h . Q_j)) of a rejected item j.

    That is the loss of a negative in skip-gram (Mikolov et al. 2013); its gradient, `weight` sigma(h . Q_j) Q_j, fades
    as the item falls, and Adagrad bounds the step: at most 0.1 * 8, less with each.
    """
    vector, slope = vectors.outputs[item], scratch.slope
    fit = max(dot(scratch.history, vector), np.float32(-LARGEST_FIT))
    chance = np.float32(1.0) / (np.float32(1.0) + exponential(-fit))
    for part in range(len(slope)):
        slope[part] = np.float32(weight) * chance * vector[part]
    _learn_taste(profiles, user, slope, dot(slope, slope))


@inlined
def _sample(vectors: Vectors, scratch: VectorScratch, counts: Float64s, whole: float, item: int) -> None:
    """Draws negatives by the number of the event alone, and sets the chances of a softmax over them and `item`."""
    came, rows = vectors.counters[0], vectors.counters[1]
    highest = np.float32(-3e38)
    for drawn in range(NEGATIVES + 1):
        other = item
        if drawn > 0:
            draw = pair_hash(np.uint64(came + 1), np.uint64(drawn))
            if draw & np.uint64(1):
                other = int(vectors.recent[below(draw, min(came, RECENT_EVENTS))])
            else:
                other = below(draw, rows)
        scratch.sampled[drawn] = other
        logit = np.float32(-1e30)
        if drawn == 0 or (other != item and other >= 0):
            logit = vectors.bias[other] + dot(scratch.history, vectors.outputs[other])
        if drawn > 0 and other >= 0:
            share = 0.5 * counts[other] / max(whole, 1e-9) + 0.5 / rows
            logit -= logarithm(np.float32(NEGATIVES * share))
        scratch.chances[drawn] = logit
        highest = max(highest, logit)
    chances = scratch.chances[: NEGATIVES + 1]
    for drawn in range(len(chances)):
        chances[drawn] = exponential(chances[drawn] - highest)
    inverse = np.float32(1.0) / total(scratch.chances, NEGATIVES + 1)
    for drawn in range(len(chances)):
        chances[drawn] *= inverse


@inlined
def _learn_inputs(vectors: Vectors, scratch: VectorScratch, profiles: Profiles, user: int) -> None:
    slope, scale = scratch.slope, scratch.scale[0]
    square = dot(slope, slope)
    for back in range(min(remembered(profiles, user), WINDOW_EVENTS)):
        row = item_back(profiles, user, back)
        if row >= 0:
            share, vector = vectors.positions[back] * scale, vectors.inputs[row]
            along = dot(slope, vector) * scale
            vectors.input_squares[row] += share * share * square / WIDTH
            step = np.float32(RATE) * share / np.sqrt(vectors.input_squares[row])
            for part in range(len(vector)):
                vector[part] -= step * slope[part]
            vectors.position_squares[back] += along * along
            vectors.positions[back] -= np.float32(POSITION_RATE) * along / np.sqrt(vectors.position_squares[back])
    _learn_taste(profiles, user, slope, square)


@inlined
def _learn_taste(profiles: Profiles, user: int, slope: Float32s, square: np.float32) -> None:
    """Adagrad's step of P_u down `slope`, of length sqrt(`square`)."""
    profiles.taste_squares[user] += square / WIDTH
    step = np.float32(RATE) / np.sqrt(np.float32(FIRST_SQUARE) + profiles.taste_squares[user])
    taste = profiles.taste[user]
    for part in range(len(taste)):
        taste[part] -= step * slope[part]
