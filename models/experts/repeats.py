"""What the user takes again: how recently and how often each of the user's own last items was taken."""

import numpy as np

from models.batch import Float32s
from models.candidates import Candidates, position_of, propose
from models.compiled import kernel
from models.profiles import Profiles, item_back, remembered

RECENCY_DECAY = 0.8


@kernel
def propose_repeats(profiles: Profiles, user: int, candidates: Candidates) -> None:
    """Proposes the items of the ring, first of all."""
    for back in range(remembered(profiles, user)):
        item = item_back(profiles, user, back)
        if item >= 0:
            propose(candidates, item)
    candidates.own[0] = candidates.found[0]


@kernel
def score_repeats(profiles: Profiles, user: int, candidates: Candidates, recency: Float32s, count: Float32s) -> None:
    """With recency_j = sum of 0.8^r over the places r of j in the ring; count_j = how many places."""
    near = np.float32(1.0)
    for back in range(remembered(profiles, user)):
        item = item_back(profiles, user, back)
        if item >= 0:
            position = position_of(candidates, item)
            if position >= 0:
                recency[position] += near
                count[position] += np.float32(1.0)
        near *= np.float32(RECENCY_DECAY)
