"""The quick score: a linear mixture of the experts, its weights learned online by EM, a set of them for each context.

p_mix(j) = sum_e pi[ctx, e] p_e(j), where p_e is expert e's score normalised over the candidates; an expert that has
nothing to say leaves its share to the others. After each event x: pi_e += eta (pi_e p_e(x) / p_mix(x) - pi_e)
(online EM: Cappe & Moulines 2009).
"""

from typing import NamedTuple

import numpy as np

from models.batch import Bools, Float32s, Float64s
from models.candidates import Candidates
from models.compiled import kernel
from models.lane_sums import total
from models.profiles import Profiles, basket_size, item_back, remembered

CONTEXTS = 24
LEAST_RATE = 0.005
LEAST_WEIGHT = 0.002
COPY_FROM_EVENTS = 50
_NOTHING = 1e-9


class Mixture(NamedTuple):
    """Weights of e experts.

    Attributes:
        weights: (24, e) float64, by context; each row sums to 1.
        trained: (24,) float64, events learned in each context.
        active: (e,) bool, experts that take part; the others weigh 0.
    """

    weights: Float64s
    trained: Float64s
    active: Bools

    @classmethod
    def empty(cls, active: Bools) -> "Mixture":
        """All active experts weigh the same."""
        share = active / max(int(active.sum()), 1)
        return cls(
            np.tile(share.astype(np.float64), (CONTEXTS, 1)),
            np.zeros(CONTEXTS),
            active.copy(),
        )


def activated(mixture: Mixture, active: Bools) -> Mixture:
    """The mixture when these experts take part, (e,); those that did not before start with an equal share."""
    if np.array_equal(mixture.active, active):
        return mixture
    weights = np.where(active & ~mixture.active, 1.0 / active.sum(), mixture.weights) * active
    return mixture._replace(weights=weights / weights.sum(axis=1, keepdims=True), active=active.copy())


@kernel
def context_of(profiles: Profiles, user: int) -> int:
    """Which of 24 situations: six lengths of history x in a basket or not x last two items the same or not."""
    events = profiles.events[user]
    length = 0
    for bound in (1, 2, 4, 9, 31):
        if events >= bound:
            length += 1
    in_basket = 2 if basket_size(profiles, user) > 1 else 0
    twice = remembered(profiles, user) > 1 and item_back(profiles, user, 0) == item_back(profiles, user, 1)
    return length * 4 + in_basket + (1 if twice else 0)


@kernel
def mix(mixture: Mixture, candidates: Candidates, context: int) -> None:
    """Normalises each expert's scores over the candidates and mixes them into `candidates.mixed`."""
    found, share_heard = candidates.found[0], 0.0
    for position in range(found):
        candidates.mixed[position] = np.float32(0.0)
    for expert in range(len(mixture.active)):
        whole = _normalize(candidates.scores[expert], found) if mixture.active[expert] else np.float32(0.0)
        candidates.heard[expert] = whole > _NOTHING
        if candidates.heard[expert]:
            share_heard += mixture.weights[context, expert]
    for expert in range(len(mixture.active)):
        if candidates.heard[expert]:
            share = np.float32(mixture.weights[context, expert] / share_heard)
            mixed, scores = candidates.mixed[:found], candidates.scores[expert, :found]
            for position in range(len(mixed)):
                mixed[position] += share * scores[position]


@kernel
def _normalize(scores: Float32s, found: int) -> np.float32:
    """Makes the first scores sum to 1, unless all are nothing; returns what they summed to."""
    whole = total(scores, found)
    if whole > _NOTHING:
        inverse, row = np.float32(1.0) / whole, scores[:found]
        for position in range(len(row)):
            row[position] *= inverse
    return whole


@kernel
def learn_mixture(mixture: Mixture, candidates: Candidates, context: int, target: int, weight: float) -> None:
    """One EM step after `mix`, `weight` times as long: the item that came stood at `target` among the candidates."""
    _first_event(mixture, context)
    rate = min(1.0, weight * max(LEAST_RATE, 1.0 / (mixture.trained[context] + 20.0)))
    mixed = max(candidates.mixed[target], np.float32(1e-12))
    whole = 0.0
    for expert in range(len(mixture.active)):
        if candidates.heard[expert]:
            share = candidates.scores[expert, target] / mixed
            mixture.weights[context, expert] *= 1.0 - rate + rate * share
        if mixture.active[expert]:
            mixture.weights[context, expert] = max(mixture.weights[context, expert], LEAST_WEIGHT)
            whole += mixture.weights[context, expert]
    for expert in range(len(mixture.active)):
        mixture.weights[context, expert] /= whole


@kernel
def _first_event(mixture: Mixture, context: int) -> None:
    """Counts the event; a context that is new starts from the one that knows most."""
    mixture.trained[context] += 1.0
    if mixture.trained[context] > 1.0:
        return
    best = 0
    for other in range(CONTEXTS):
        if mixture.trained[other] > mixture.trained[best]:
            best = other
    if mixture.trained[best] > COPY_FROM_EVENTS:
        for expert in range(len(mixture.active)):
            mixture.weights[context, expert] = mixture.weights[best, expert]
