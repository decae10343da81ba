"""What the user takes again: how recently and how often each of the user's own last items was taken."""

import numpy as np

from models.batch import Float32s
from models.candidates import Candidates, propose
from models.compiled import kernel
from models.profiles import Profiles, item_back, remembered

RECENCY_DECAY = 0.8


@kernel
def score_repeats(profiles: Profiles, user: int, candidates: Candidates, recency: Float32s, count: Float32s) -> None:
    """Proposes the items of the ring: recency_j = sum of 0.8^r over its places r; count_j = how many places."""
    near = np.float32(1.0)
    for back in range(remembered(profiles, user)):
        item = item_back(profiles, user, back)
        if item >= 0:
            position = propose(candidates, item)
            if position >= 0:
                recency[position] += near
                count[position] += np.float32(1.0)
        near *= np.float32(RECENCY_DECAY)
