import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.batch import Bools, Float32s, Float64s
from models.candidates import Candidates, begin_round, propose
from models.compiled import kernel
from models.mixture import (
    CONTEXTS,
    COPY_FROM_EVENTS,
    LEAST_RATE,
    LEAST_WEIGHT,
    Mixture,
    activated,
    context_of,
    learn_mixture,
    mix,
)
from models.profiles import Profiles

ITEMS = 6
EXPERTS = 3
SCORES = st.lists(
    st.lists(st.sampled_from([0.0, 0.0, 0.5, 1.0, 7.0]), min_size=ITEMS, max_size=ITEMS),
    min_size=EXPERTS,
    max_size=EXPERTS,
)
ROUNDS = st.lists(st.tuples(SCORES, st.integers(0, ITEMS - 1), st.integers(0, CONTEXTS - 1)), max_size=30)


@kernel
def fill(candidates: Candidates, scores: Float32s) -> None:
    begin_round(candidates)
    for item in range(scores.shape[1]):
        position = propose(candidates, item)
        for expert in range(len(scores)):
            candidates.scores[expert, position] = scores[expert, item]


def bets(scores: list[list[float]]) -> Candidates:
    """A round of candidates with these scores."""
    candidates = Candidates.empty(ITEMS, EXPERTS)
    fill(candidates, np.array(scores, np.float32))
    return candidates


def active(*taking_part: bool) -> Bools:
    return np.array(taking_part or (True,) * EXPERTS)


def probabilities(scores: list[list[float]]) -> tuple[Float64s, Bools]:
    """(experts, items) each expert's scores normalised, and (experts,) which of them have any."""
    raw = np.array(scores)
    totals = raw.sum(axis=1, keepdims=True)
    return np.divide(raw, totals, out=np.zeros_like(raw), where=totals > 0), totals[:, 0] > 0


def em_step(weights: Float64s, events: float, scores: list[list[float]], target: int) -> Float64s:
    """The formula of the module's docstring."""
    alone, heard = probabilities(scores)
    mixed = (weights * heard) @ alone / (weights * heard).sum()
    rate = max(LEAST_RATE, 1 / (events + 20))
    stepped = weights + heard * rate * (weights * alone[:, target] / mixed[target] - weights)
    stepped = np.maximum(stepped, LEAST_WEIGHT)
    result: Float64s = stepped / stepped.sum()
    return result


@given(ROUNDS)
def test_each_step_is_the_em_step_of_the_formula(rounds: list[tuple[list[list[float]], int, int]]) -> None:
    mixture = Mixture.empty(active())
    for scores, target, context in rounds:
        candidates = bets(scores)
        mix(mixture, candidates, context)
        if candidates.mixed[target] > 0:
            before = mixture.weights[context].copy()
            learn_mixture(mixture, candidates, context, target, 1.0)
            expected = em_step(before, mixture.trained[context], scores, target)
            np.testing.assert_allclose(mixture.weights[context], expected, rtol=1e-5)
    np.testing.assert_allclose(mixture.weights.sum(axis=1), 1.0)


@given(SCORES)
def test_the_mixture_of_what_is_heard_is_a_probability(scores: list[list[float]]) -> None:
    mixture = Mixture.empty(active())
    candidates = bets(scores)
    mix(mixture, candidates, 0)
    alone, heard = probabilities(scores)
    expected = alone[heard].mean(axis=0) if heard.any() else np.zeros(ITEMS)
    np.testing.assert_allclose(candidates.mixed[:ITEMS], expected, atol=1e-6)
    assert candidates.heard.tolist() == heard.tolist()


def test_an_expert_that_is_always_right_wins() -> None:
    mixture = Mixture.empty(active())
    random = np.random.default_rng(1)
    for _ in range(1500):
        target = int(random.integers(0, ITEMS))
        right = np.eye(ITEMS)[target].tolist()
        candidates = bets([[1.0] * ITEMS, right, random.random(ITEMS).tolist()])
        mix(mixture, candidates, 7)
        learn_mixture(mixture, candidates, 7, target, 1.0)
    assert mixture.weights[7, 1] > 0.98
    assert mixture.weights[7].min() >= LEAST_WEIGHT / 1.01
    assert mixture.weights[8].tolist() == pytest.approx([1 / 3] * 3)


def test_an_expert_that_takes_no_part_weighs_nothing() -> None:
    mixture = Mixture.empty(active(True, False, True))
    for target in range(ITEMS):
        candidates = bets([[1.0] * ITEMS, [5.0] * ITEMS, [2.0] * ITEMS])
        mix(mixture, candidates, 0)
        learn_mixture(mixture, candidates, 0, target, 1.0)
    assert mixture.weights[0].tolist() == pytest.approx([0.5, 0, 0.5])


def test_a_new_context_starts_from_the_one_that_knows_most() -> None:
    mixture = Mixture.empty(active())
    mixture.trained[3], mixture.weights[3] = COPY_FROM_EVENTS + 1, [0.7, 0.2, 0.1]
    mixture.trained[4], mixture.weights[4] = 5, [0.1, 0.1, 0.8]
    scores = [[1.0] * ITEMS] * EXPERTS
    candidates = bets(scores)
    for context in (4, 9):
        mix(mixture, candidates, context)
        learn_mixture(mixture, candidates, context, 0, 1.0)
    assert mixture.weights[9] == pytest.approx([0.7, 0.2, 0.1])
    assert mixture.weights[4] == pytest.approx([0.1, 0.1, 0.8])


def test_experts_may_join_and_leave_what_was_learned() -> None:
    mixture = Mixture.empty(active(True, True, False))
    mixture.weights[:] = [0.9, 0.1, 0.0]
    assert activated(mixture, active(True, True, False)) is mixture
    joined = activated(mixture, active(True, True, True))
    assert joined.weights[0] == pytest.approx(np.array([0.9, 0.1, 1 / 3]) / (4 / 3))
    left = activated(mixture, active(False, True, False))
    assert left.weights[0].tolist() == [0, 1, 0]
    assert left.active.tolist() == [False, True, False]


def test_contexts_tell_length_basket_and_repetition() -> None:
    lengths = [0, 1, 2, 3, 4, 8, 9, 30, 31, 500]
    profiles = Profiles.empty(len(lengths))
    profiles.events[:] = lengths
    profiles.items[:] = np.arange(profiles.items.shape[1])
    profiles.gaps[:] = np.float32(1000).view(np.int32) >> 16
    assert [context_of(profiles, user) for user in range(len(lengths))] == [0, 4, 8, 8, 12, 12, 16, 16, 20, 20]
    profiles.gaps[:] = 0
    assert [context_of(profiles, user) for user in range(3)] == [0, 4, 10]
    profiles.items[:] = 7
    assert [context_of(profiles, user) for user in range(3)] == [0, 4, 11]
