"""Diversity: a list without near-duplicates, and with few items of each category.

Maximal marginal relevance (Carbonell & Goldstein 1998): one place after the other gets the item j with the highest
(1 - d) log p_j - d max_i cos(Q_i, Q_j), where i are the items that stand in the list and Q the item vectors. So an
item just like one of them is put back as if it were e^(d / (1 - d)) times less likely. The first place is the best's.
"""

from typing import NamedTuple

import numpy as np

from models.batch import Bools, Float32s, Int32s, Int64s
from models.candidates import CHOSEN
from models.compiled import inlined, kernel
from models.experts.vectors import WIDTH
from models.lane_sums import dot


class Diversity(NamedTuple):
    """The rule.

    Attributes:
        share: d, from 0 = relevance alone to 1 = difference alone.
        most_per_category: items of one category in a list; 0 = any number. Items without a category are not counted.
    """

    share: float
    most_per_category: int


class DiversityScratch(NamedTuple):
    """Scratch memory for one list after the other.

    Attributes:
        rows: (128,) int32, item rows to pick from; relevance: (128,) float32, their log p, up to a constant.
        units: (128, 64) float32, their vectors at length 1; nearest: (128,) float32, cosine to the closest picked one.
        free: (128,) bool, may still be picked.
        picked: (128,) int64, places in `rows`, in the order of the list.
    """

    rows: Int32s
    relevance: Float32s
    units: Float32s
    nearest: Float32s
    free: Bools
    picked: Int64s

    @classmethod
    def empty(cls) -> "DiversityScratch":
        """Nothing yet."""
        return cls(
            np.zeros(CHOSEN, np.int32),
            np.zeros(CHOSEN, np.float32),
            np.zeros((CHOSEN, WIDTH), np.float32),
            np.zeros(CHOSEN, np.float32),
            np.zeros(CHOSEN, np.bool_),
            np.zeros(CHOSEN, np.int64),
        )


@inlined
def is_diverse(rule: Diversity) -> bool:
    """Whether the rule asks for anything."""
    return rule.share > 0 or rule.most_per_category > 0


@kernel
def pick_diverse(
    rule: Diversity, outputs: Float32s, categories: Int32s, count: int, size: int, scratch: DiversityScratch
) -> int:
    """Picks up to `size` of the first `count` of `rows`, in order, into `picked`; returns how many there are."""
    _begin(rule, outputs, count, scratch)
    length = 0
    while length < size:
        place = _best(rule.share if length > 0 else 0.0, count, scratch)
        if place < 0:
            break
        scratch.picked[length] = place
        scratch.free[place] = False
        length += 1
        if rule.most_per_category > 0:
            _close_full_category(rule, categories, count, length, scratch)
        if rule.share > 0:
            for other in range(count):
                closeness = dot(scratch.units[place], scratch.units[other])
                scratch.nearest[other] = max(scratch.nearest[other], closeness)
    return length


@kernel
def _begin(rule: Diversity, outputs: Float32s, count: int, scratch: DiversityScratch) -> None:
    for place in range(count):
        scratch.free[place] = True
        scratch.nearest[place] = np.float32(-1.0)
        if rule.share > 0:
            vector, unit = outputs[scratch.rows[place]], scratch.units[place]
            scale = np.float32(1.0) / np.sqrt(max(dot(vector, vector), np.float32(1e-12)))
            for part in range(len(vector)):
                unit[part] = scale * vector[part]


@kernel
def _best(share: float, count: int, scratch: DiversityScratch) -> int:
    """The free place with the highest marginal relevance, the first of equal ones; -1 = none is free."""
    best, most = -1, 0.0
    for place in range(count):
        if scratch.free[place]:
            marginal = (1.0 - share) * scratch.relevance[place] - share * scratch.nearest[place]
            if best < 0 or marginal > most:
                best, most = place, marginal
    return best


@kernel
def _close_full_category(
    rule: Diversity, categories: Int32s, count: int, length: int, scratch: DiversityScratch
) -> None:
    """When the last pick filled up its category, the rest of that category is out."""
    category, held = categories[scratch.rows[scratch.picked[length - 1]]], 0
    if category < 0:
        return
    for place in range(length):
        held += categories[scratch.rows[scratch.picked[place]]] == category
    if held >= rule.most_per_category:
        for place in range(count):
            if categories[scratch.rows[place]] == category:
                scratch.free[place] = False
