"""What goes together: decayed co-visitation over the user's last items, read in four ways.

`forward` asks what came after each of the last items, `backward` what came before, `basket` what was taken at the same
moment as the current basket, and `similar` is a cosine-like measure that looks all ways and holds popular items down.
Item-based online collaborative filtering after Huang et al. 2015 (TencentRec).
"""

import numpy as np

from models.batch import Float32s
from models.candidates import Candidates
from models.compiled import inlined, kernel
from models.neighbours import (
    BACKWARD,
    BACKWARD_SUM,
    BASKET,
    BASKET_SUM,
    CHANNELS,
    FORWARD,
    FORWARD_SUM,
    ROWS_WITH,
    SIMILAR_SUM,
    STRONGEST,
    Neighbours,
    add_at,
    place_for,
)
from models.profiles import Profiles, gap_back, item_back, remembered

LEARN_WINDOW_EVENTS = 14
LEARN_DECAY = 0.85
PAUSE_MS = 3_600_000
PAUSE_WEIGHT = 0.5
SCORE_WINDOW_EVENTS = 30
FORWARD_DECAY = 0.75
SIMILAR_DECAY = 0.93
BACKWARD_WEIGHT = BASKET_WEIGHT = 0.5
_NEAR = (FORWARD_DECAY ** np.arange(SCORE_WINDOW_EVENTS)).astype(np.float32)
_FAR = (SIMILAR_DECAY ** np.arange(SCORE_WINDOW_EVENTS)).astype(np.float32)


@inlined
def learn_covisitation(
    table: Neighbours, profiles: Profiles, user: int, item: int, time_ms: int, weight: float
) -> None:
    """Ties `item` to each of the user's last items c_r by 0.85^r, half of it across a pause of an hour.

    The lines of one order have one time stamp and no order of their own: they are tied both ways, undecayed.
    """
    whole = weight * table.scale[0]
    near, apart_ms = whole, time_ms - profiles.last_ms[user]
    for back in range(min(remembered(profiles, user), LEARN_WINDOW_EVENTS)):
        earlier = item_back(profiles, user, back)
        if earlier >= 0 and earlier != item:
            tie = near * PAUSE_WEIGHT if apart_ms >= PAUSE_MS else near
            ahead, behind = place_for(table, earlier, item), place_for(table, item, earlier)
            add_at(table, earlier, ahead, FORWARD, tie)
            add_at(table, item, behind, BACKWARD, tie)
            if apart_ms == 0:
                add_at(table, earlier, ahead, BASKET, whole)
                add_at(table, item, behind, BASKET, whole)
        near *= LEARN_DECAY
        apart_ms += gap_back(profiles, user, back)


@inlined
def weigh_covisitation(table: Neighbours, row: int, back: int, basket: int, factors: Float32s) -> None:
    """How the row of the item c_r, r = `back`, counts in the sums over the last items; `basket` of them are one basket.

    With fwd, bwd, bsk: channels of row c_r, and n: decayed events of an item,
    forward_j = sum_r 0.75^r fwd[j] / (total + 1), backward_j likewise; basket_j over the current basket, undecayed;
    similar_j = sum_r 0.93^r (fwd[j] + bwd[j] / 2 + bsk[j] / 2) / sqrt(n_c + 1), over (n_j + 1)^0.25 in the end.
    """
    one, unscale = np.float32(table.scale[0]), np.float32(1.0 / table.scale[0])
    follow = np.float32(1.0) / (table.totals[row, FORWARD] + one)
    together = _FAR[back] * unscale / np.sqrt(table.mass[row] * unscale + np.float32(1.0))
    factors[FORWARD, FORWARD_SUM] = _NEAR[back] * follow
    factors[FORWARD, STRONGEST] = follow
    factors[BACKWARD, BACKWARD_SUM] = _NEAR[back] / (table.totals[row, BACKWARD] + one)
    if back < basket:
        factors[BASKET, BASKET_SUM] = np.float32(1.0) / (table.totals[row, BASKET] + one)
    factors[FORWARD, SIMILAR_SUM] = together
    factors[BACKWARD, SIMILAR_SUM] = together * np.float32(BACKWARD_WEIGHT)
    factors[BASKET, SIMILAR_SUM] = together * np.float32(BASKET_WEIGHT)
    factors[CHANNELS, ROWS_WITH] = np.float32(1.0)


@kernel
def score_similar(table: Neighbours, candidates: Candidates, out: Float32s) -> None:
    """What goes together, over (n_j + 1)^0.25."""
    unscale = np.float32(1.0 / table.scale[0])
    for position in range(candidates.found[0]):
        events = table.mass[candidates.items[position]] * unscale
        out[position] = candidates.sums[position, SIMILAR_SUM] / np.sqrt(np.sqrt(events + np.float32(1.0)))
