"""Explaining: how much of an item's place each expert, and each group of the ranker's features, accounts for."""

import numpy as np

from models.batch import Float32s
from models.candidates import Candidates
from models.compiled import kernel
from models.features import (
    ALIKE,
    CONTENT_SHARE,
    FIRST_SHARE,
    FIT,
    FITS_LAST,
    FITS_TASTE,
    IS_LAST_BUT_ONE,
    ITEM_AGE,
    MIXED,
    OWN_AGE,
    OWN_COUNT,
    ROWS,
    SEEN,
    SEQUENCE_SHARE,
    TREND,
    features_of,
)
from models.mixture import Mixture
from models.ranker import HIDDEN, Ranker, RankerScratch
from models.registry import ALL_EXPERTS

_FEATURES_OF = {
    "mixture": (MIXED,),
    "experts": (*range(FIRST_SHARE, ROWS), SEQUENCE_SHARE, CONTENT_SHARE, ALIKE),
    "neighbours": range(ROWS, OWN_COUNT),
    "own_history": (OWN_COUNT, OWN_AGE, *range(SEEN, IS_LAST_BUT_ONE + 1)),
    "item": range(ITEM_AGE, TREND + 1),
    "vectors": (FIT, FITS_LAST, FITS_TASTE),
}
PARTS = (*_FEATURES_OF, "hidden", "bias", "rule")
"""What a score is the sum of: groups of features with their weights, the hidden layer, the item's bias, a lift."""

_HIDDEN_PART, _BIAS_PART, RULE_PART = map(PARTS.index, ("hidden", "bias", "rule"))
_PART_BY_FEATURE = {feature: part for part, features in enumerate(_FEATURES_OF.values()) for feature in features}
_PARTS = np.array([_PART_BY_FEATURE[feature] for feature in range(features_of(len(ALL_EXPERTS)))])


@kernel
def share_out(mixture: Mixture, candidates: Candidates, context: int, position: int, shares: Float32s) -> int:
    """Returns the expert with the largest share in the mixture's probability of a candidate.

    Sets the `shares` of all experts, (experts,), in sum 1, unless it has length 0.
    """
    best, most, whole = 0, -1.0, 0.0
    for expert in range(len(mixture.active)):
        if candidates.heard[expert]:
            share = mixture.weights[context, expert] * candidates.scores[expert, position]
            whole += share
            if share > most:
                best, most = expert, share
    for expert in range(len(shares)):
        if candidates.heard[expert]:
            share = mixture.weights[context, expert] * candidates.scores[expert, position]
            shares[expert] = np.float32(share / whole)
    return best


@kernel
def part_score(ranker: Ranker, scratch: RankerScratch, place: int, item: int, parts: Float32s) -> None:
    """Adds to `parts`, (parts,) of 0, what makes up the score of the chosen candidate number `place`.

    After `score_chosen`. Does nothing where `parts` has length 0.
    """
    if len(parts) == 0:
        return
    for feature in range(len(ranker.shared)):
        parts[_PARTS[feature]] += scratch.weights[feature] * scratch.standard[feature, place]
    for unit in range(HIDDEN):
        parts[_HIDDEN_PART] += ranker.outer[unit] * scratch.hidden[unit, place]
    parts[_BIAS_PART] = ranker.bias[item]
