"""Alternating least squares (Hu et al. 2008, "Collaborative Filtering for Implicit Feedback Datasets").

The library implicit refits the factors every 5,000 events. Before each event its user is folded in: the paper's least
squares for one user, by conjugate gradients (Takacs et al. 2011, "Applications of the conjugate gradient method for
implicit feedback collaborative filtering").
"""

from typing import Any, NamedTuple

import numpy as np

from models.baselines.baseline import Baseline
from models.baselines.factors import score_all
from models.baselines.stream import Stream, is_known, note_rank, past_items
from models.batch import Float32s, Int32s
from models.compiled import allocating_kernel
from models.tables import size_bytes

FACTORS = 64
REGULARIZATION = 10.0
ALPHA = 10.0
ITERATIONS = 3
REFIT_EVENTS = 5_000
FITTED_EVENTS = 1_000_000
FOLDED_EVENTS = 20
CONJUGATE_STEPS = 3
SEED = 1


class State(NamedTuple):
    """What the last fit found of u users and n items, all 0 before the first.

    Attributes:
        users: (u, factors) float32, folded in since.
        items: (n, factors) float32.
        columns: (factors, n) float32, the items once more.
        gram: (factors, factors) float32, sum of the items' outer products, regularised.
        residual: (factors,) float32, scratch.
        direction: (factors,) float32, scratch.
        product: (factors,) float32, scratch.
        counts: (n,) float32, scratch: events of the user in hand; 0 between users.
        own: (20,) int32, scratch: the user's items.
        scores: (n,) float32, scratch.
    """

    users: Float32s
    items: Float32s
    columns: Float32s
    gram: Float32s
    residual: Float32s
    direction: Float32s
    product: Float32s
    counts: Float32s
    own: Int32s
    scores: Float32s

    @classmethod
    def empty(cls, users: int, items: int) -> "State":
        """Before the first fit."""
        return cls(
            _zeros(users, FACTORS),
            _zeros(items, FACTORS),
            _zeros(FACTORS, items),
            _zeros(FACTORS, FACTORS),
            *(_zeros(FACTORS), _zeros(FACTORS), _zeros(FACTORS)),
            _zeros(items),
            np.zeros(FOLDED_EVENTS, np.int32),
            _zeros(items),
        )


def _zeros(*shape: int) -> Float32s:
    return np.zeros(shape, np.float32)


class Ials:
    """Fits again and again; in between, ranks by folding in the last 20 events of each user."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._model = _new_model()
        self._state = State.empty(len(stream.begins), stream.item_count)

    def rank_then_learn(self, start: int, stop: int, ranks: Float32s) -> None:
        while start < stop:
            end = min(stop, (start // REFIT_EVENTS + 1) * REFIT_EVENTS)
            rank_events(self._state, self._stream, start, end, ranks)
            if end % REFIT_EVENTS == 0:
                self._refit(end)
            start = end

    def size_bytes(self) -> int:
        factors = self._state.users.nbytes + self._state.items.nbytes
        return size_bytes(self._state) + factors  # the library keeps its own

    def _refit(self, stop: int) -> None:
        """Goes on from the factors of the fit before: the library starts from those that are there."""
        from scipy.sparse import csr_matrix
        from threadpoolctl import threadpool_limits

        part = slice(max(0, stop - FITTED_EVENTS), stop)
        shape = len(self._stream.begins), self._stream.item_count
        events = np.ones(part.stop - part.start, np.float32)
        confidence = csr_matrix((events, (self._stream.users[part], self._stream.items[part])), shape=shape)
        confidence.data = 1.0 + ALPHA * confidence.data
        with threadpool_limits(1, user_api="blas"):
            self._model.fit(confidence, show_progress=False)
        self._take_over(self._model.user_factors, self._model.item_factors)

    def _take_over(self, users: Float32s, items: Float32s) -> None:
        self._state.users[:] = users
        self._state.items[:] = items
        self._state.columns[:] = items.T
        self._state.gram[:] = items.T @ items + REGULARIZATION * np.eye(FACTORS, dtype=np.float32)


def ials(stream: Stream) -> Baseline:
    """Alternating least squares that have seen nothing yet. Raises ImportError without the library implicit."""
    return Ials(stream)


def _new_model() -> Any:
    from implicit.cpu.als import AlternatingLeastSquares  # optional
    from threadpoolctl import threadpool_limits  # comes with it

    with threadpool_limits(1, user_api="blas"):  # else the library warns
        return AlternatingLeastSquares(
            factors=FACTORS,
            regularization=REGULARIZATION,
            alpha=1.0,
            iterations=ITERATIONS,
            num_threads=1,
            random_state=SEED,
        )


@allocating_kernel
def rank_events(state: State, stream: Stream, start: int, stop: int, ranks: Float32s) -> None:
    """The pass over events between two fits."""
    for index in range(start, stop):
        if is_known(stream, index):
            user = state.users[stream.users[index]]
            _fold_in(state, user, _own_items(state, past_items(stream, index)[-FOLDED_EVENTS:]))
            score_all(user, state.columns, state.scores, stream.known[index])
            note_rank(stream, index, state.scores, ranks)


@allocating_kernel
def _own_items(state: State, events: Int32s) -> Int32s:
    """The items of some events, once each; leaves in `counts` how often each came."""
    found = 0
    for item in events:
        if state.counts[item] == 0.0:
            state.own[found] = item
            found += 1
        state.counts[item] += 1.0
    return state.own[:found]


@allocating_kernel
def _fold_in(state: State, user: Float32s, own: Int32s) -> None:
    """Brings the user's vector closer to the least squares solution for these items; empties `counts`."""
    _times_system(state, user, own)
    residual, direction = state.residual, state.direction
    for factor in range(len(user)):
        residual[factor] = -state.product[factor]
    for item in own:
        _add(residual, 1.0 + ALPHA * state.counts[item], state.items[item])
    direction[:] = residual
    length = _dot(residual, residual)
    for _ in range(CONJUGATE_STEPS):
        if length < 1e-10:
            break
        _times_system(state, direction, own)
        step = length / _dot(direction, state.product)
        _add(user, step, direction)
        _add(residual, -step, state.product)
        before, length = length, _dot(residual, residual)
        for factor in range(len(user)):
            direction[factor] = residual[factor] + length / before * direction[factor]
    for item in own:
        state.counts[item] = 0.0


@allocating_kernel
def _times_system(state: State, vector: Float32s, own: Int32s) -> None:
    """Writes (gram + sum over the items of (confidence - 1) item item') vector to `product`."""
    for factor in range(len(vector)):
        state.product[factor] = _dot(state.gram[factor], vector)
    for item in own:
        _add(state.product, ALPHA * state.counts[item] * _dot(state.items[item], vector), state.items[item])


@allocating_kernel
def _dot(one: Float32s, other: Float32s) -> np.float32:
    total = np.float32(0.0)
    for place in range(len(one)):
        total += one[place] * other[place]
    return total


@allocating_kernel
def _add(vector: Float32s, factor: float | np.float32, other: Float32s) -> None:
    for place in range(len(vector)):
        vector[place] += np.float32(factor) * other[place]
