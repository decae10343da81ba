"""What goes together: decayed co-visitation over the user's last items, read in two ways.

`forward` asks what came after each of the last items; `similar` is a cosine-like measure that looks both ways and
holds popular items down. Item-based online collaborative filtering after Huang et al. 2015 (TencentRec).
"""

import numpy as np

from models.batch import Float32s
from models.candidates import Candidates, propose
from models.compiled import inlined, kernel
from models.neighbours import BACKWARD, FORWARD, NEIGHBOURS, Neighbours, add_neighbour
from models.profiles import Profiles, item_back, remembered, time_back

LEARN_WINDOW_EVENTS = 14
LEARN_DECAY = 0.85
PAUSE_MS = 3_600_000
PAUSE_WEIGHT = 0.5
SCORE_WINDOW_EVENTS = 30
FORWARD_DECAY = 0.75
SIMILAR_DECAY = 0.93
BACKWARD_WEIGHT = 0.5


@inlined
def learn_covisitation(
    table: Neighbours, profiles: Profiles, user: int, item: int, time_ms: int, weight: float
) -> None:
    """Ties `item` to each of the user's last items c_r by 0.85^r, half of it across a pause of an hour.

    The lines of one order have one time stamp and no order of their own: they are tied both ways, undecayed.
    """
    whole = weight * table.scale[0]
    near = whole
    for back in range(min(remembered(profiles, user), LEARN_WINDOW_EVENTS)):
        earlier = item_back(profiles, user, back)
        if earlier >= 0 and earlier != item:
            apart_ms = time_ms - time_back(profiles, user, back)
            tie = near * PAUSE_WEIGHT if apart_ms >= PAUSE_MS else near
            together = whole if apart_ms == 0 else 0.0
            add_neighbour(table, earlier, item, FORWARD, tie)
            add_neighbour(table, item, earlier, BACKWARD, tie + together)
            if together > 0:
                add_neighbour(table, earlier, item, BACKWARD, together)
        near *= LEARN_DECAY


@kernel
def score_covisitation(
    table: Neighbours,
    profiles: Profiles,
    user: int,
    candidates: Candidates,
    forward: Float32s,
    similar: Float32s,
) -> None:
    """Proposes the neighbours j of the last items c_r (fwd, bwd: channels of row c_r; n: decayed events).

    forward_j = sum_r 0.75^r fwd[j] / (total + 1)
    similar_j = sum_r 0.93^r (fwd[j] + bwd[j] / 2) / sqrt(n_c + 1) / (n_j + 1)^0.25
    """
    one = np.float32(table.scale[0])
    unscale = np.float32(1.0 / table.scale[0])
    near, far = np.float32(1.0), np.float32(1.0)
    for back in range(min(remembered(profiles, user), SCORE_WINDOW_EVENTS)):
        row = item_back(profiles, user, back)
        if row >= 0:
            follow = near / (table.totals[row, FORWARD] + one)
            together = far * unscale / np.sqrt(table.mass[row] * unscale + np.float32(1.0))
            _gather(table, row, candidates, follow, together, forward, similar)
        near *= np.float32(FORWARD_DECAY)
        far *= np.float32(SIMILAR_DECAY)
    for position in range(candidates.found[0]):
        events = table.mass[candidates.items[position]] * unscale
        similar[position] /= np.sqrt(np.sqrt(events + np.float32(1.0)))


@inlined
def _gather(
    table: Neighbours,
    row: int,
    candidates: Candidates,
    follow: np.float32,
    together: np.float32,
    forward: Float32s,
    similar: Float32s,
) -> None:
    for place in range(NEIGHBOURS):
        item = table.items[row, place]
        if item >= 0:
            position = propose(candidates, item)
            if position >= 0:
                ahead, behind = table.counts[row, FORWARD, place], table.counts[row, BACKWARD, place]
                forward[position] += follow * ahead
                similar[position] += together * (ahead + np.float32(BACKWARD_WEIGHT) * behind)
