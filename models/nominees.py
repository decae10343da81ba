"""Nominees: which of a user's own items probably moved the items of a list, by what each of them adds to the experts.

Exact for the experts that are sums over the last items: co-visitation, what comes next, content and repeats. What item
vectors and the sequence expert say is no such sum; it is shared out by how recent the events are.
"""

import numpy as np

from models.batch import Float32s, Int32s
from models.candidates import Candidates, position_of
from models.compiled import inlined, kernel
from models.experts.content import DECAY, SIMILAR_ITEMS, WINDOW_EVENTS, Content
from models.experts.covisitation import SCORE_WINDOW_EVENTS, weigh_covisitation
from models.experts.transitions import weigh_transitions
from models.experts.vectors import POSITION_DECAY
from models.knowledge import Knowledge
from models.neighbours import (
    BACKWARD_SUM,
    BASKET_SUM,
    CHANNELS,
    FORWARD_SUM,
    NEXT_SUM,
    SIMILAR_SUM,
    Neighbours,
    place_of,
)
from models.profiles import Profiles, basket_size, item_back, remembered
from models.registry import (
    BACKWARD_EXPERT,
    BASKET_EXPERT,
    CONTENT,
    FORWARD_EXPERT,
    NEXT_EXPERT,
    REPEAT_COUNT,
    REPEAT_RECENCY,
    SEQUENCE,
    SIMILAR,
    VECTOR,
)

_SUMS = ((NEXT_SUM, NEXT_EXPERT), (FORWARD_SUM, FORWARD_EXPERT), (BACKWARD_SUM, BACKWARD_EXPERT),
         (SIMILAR_SUM, SIMILAR), (BASKET_SUM, BASKET_EXPERT))  # fmt: skip


@kernel
def weigh_own_items(
    knowledge: Knowledge,
    profiles: Profiles,
    user: int,
    candidates: Candidates,
    items: Int32s,
    shares: Float32s,
    weights: Float32s,
) -> None:
    """Sets `weights`, (96,), by events ago: what the item taken then adds to the list; 0 = it was taken again since.

    `items` (k,), rows of the list, and `shares` (k, experts) are what `share_out` made of these `candidates`.
    """
    weights[:] = np.float32(0.0)
    _weigh_neighbours(knowledge.neighbours, profiles, user, candidates, items, shares, weights)
    _weigh_vague(profiles, user, items, shares, weights)
    if shares.shape[1] > CONTENT:
        _weigh_content(knowledge.content, profiles, user, candidates, items, shares, weights)
    _gather_repeats(profiles, user, items, shares, weights)


@kernel
def _weigh_neighbours(
    table: Neighbours,
    profiles: Profiles,
    user: int,
    candidates: Candidates,
    items: Int32s,
    shares: Float32s,
    weights: Float32s,
) -> None:
    basket, factors = basket_size(profiles, user), candidates.factors
    for back in range(min(remembered(profiles, user), SCORE_WINDOW_EVENTS)):
        row = item_back(profiles, user, back)
        if row >= 0:
            factors[:] = np.float32(0.0)
            if back == 0:
                weigh_transitions(table, row, factors)
            weigh_covisitation(table, row, back, basket, factors)
            for place in range(len(items)):
                there = place_of(table, row, items[place]) if items[place] >= 0 else -1
                position = position_of(candidates, items[place]) if there >= 0 else -1
                if position >= 0:
                    weights[back] += _part(table, candidates, row, there, position, shares[place])


@inlined
def _part(table: Neighbours, candidates: Candidates, row: int, there: int, position: int, shares: Float32s) -> float:
    """What the neighbour at place `there` of `row` adds to the shares of the experts that read the table."""
    part = 0.0
    for number, expert in _SUMS:
        whole = candidates.sums[position, number]
        if whole > 0:
            added = 0.0
            for channel in range(CHANNELS):
                added += candidates.factors[channel, number] * table.counts[row, channel, there]
            part += shares[expert] * added / whole
    return part


@kernel
def _weigh_vague(profiles: Profiles, user: int, items: Int32s, shares: Float32s, weights: Float32s) -> None:
    vague, near = 0.0, 1.0 - POSITION_DECAY
    for place in range(len(items)):
        vague += shares[place, VECTOR]
        if shares.shape[1] > SEQUENCE:
            vague += shares[place, SEQUENCE]
    for back in range(remembered(profiles, user)):
        weights[back] += vague * near
        near *= POSITION_DECAY


@kernel
def _weigh_content(
    content: Content,
    profiles: Profiles,
    user: int,
    candidates: Candidates,
    items: Int32s,
    shares: Float32s,
    weights: Float32s,
) -> None:
    near = 1.0
    for back in range(min(remembered(profiles, user), WINDOW_EVENTS)):
        row = item_back(profiles, user, back)
        for place in range(len(items)):
            if row >= 0 and items[place] >= 0 and shares[place, CONTENT] > 0:
                whole = candidates.alike[position_of(candidates, items[place])]
                for there in range(SIMILAR_ITEMS):
                    if content.items[row, there] == items[place]:
                        weights[back] += shares[place, CONTENT] * near * content.cosines[row, there] / whole
        near *= DECAY


@kernel
def _gather_repeats(profiles: Profiles, user: int, items: Int32s, shares: Float32s, weights: Float32s) -> None:
    """Events with the same item count together, at the last of them; an item of the list is its own repeat."""
    held = remembered(profiles, user)
    for back in range(held):
        row = item_back(profiles, user, back)
        if row < 0:
            weights[back] = 0
            continue
        for later in range(back):
            if item_back(profiles, user, later) == row:
                weights[later] += weights[back]
                weights[back] = 0
                break
        else:
            for place in range(len(items)):
                if items[place] == row:
                    weights[back] += shares[place, REPEAT_RECENCY] + shares[place, REPEAT_COUNT]


@kernel
def take_heaviest(weights: Float32s) -> int:
    """How many events ago the heaviest item was taken, which is then out; -1 = there is none."""
    best = 0
    for back in range(len(weights)):
        if weights[back] > weights[best]:
            best = back
    if weights[best] <= 0:
        return -1
    weights[best] = np.float32(0.0)
    return best
