"""What the ranker sees: names, places and memory of the features. `describing.py` fills them in."""

from typing import NamedTuple

import numpy as np

from models.batch import Float32s, Int64s
from models.candidates import CHOSEN
from models.registry import EXPERTS

MIXED, FIRST_SHARE = range(2)
_AFTER_EXPERTS = FIRST_SHARE + len(EXPERTS)
(
    ROWS,
    STRONGEST_ROW,
    FOLLOWED,
    SIMILARITY,
    OWN_COUNT,
    OWN_AGE,
    ITEM_AGE,
    ITEM_IDLE,
    ITEM_EVENTS,
    ITEM_REPEATS,
    TREND,
) = range(_AFTER_EXPERTS, _AFTER_EXPERTS + 11)
LOGARITHMS = TREND + 1
(
    SEEN,
    OWN_RECENCY,
    OWN_STRENGTH,
    OWN_STRONGEST,
    IN_BASKET,
    IS_LAST,
    IS_LAST_BUT_ONE,
    FIT,
    FITS_LAST,
    FITS_TASTE,
) = range(LOGARITHMS, LOGARITHMS + 10)
FEATURES = FITS_TASTE + 1
SEQUENCE_SHARE, CONTENT_SHARE, ALIKE = range(FEATURES, FEATURES + 3)
"""Further ones where these experts have a column; the others keep their places."""
SITUATION = 9


def features_of(experts: int) -> int:
    """How many features there are when so many experts have a column."""
    return (FEATURES, SEQUENCE_SHARE + 1, ALIKE + 1)[experts - len(EXPERTS)]


class FeatureScratch(NamedTuple):
    """Features of the candidates of one user.

    Attributes:
        values: (features, 128) float32, a row for each feature; the candidates in the order in which they were chosen.
            The first features, up to TREND, and those from SEQUENCE_SHARE on are logarithms.
        situation: (9,) float32.
        own_counts, own_last: (128,) int64, how often the user's ring holds the candidate; how many events ago it was
            taken last, -1 = not within the ring. own_ages_ms: (128,) int64, how long before the user's last event.
    """

    values: Float32s
    situation: Float32s
    own_counts: Int64s
    own_last: Int64s
    own_ages_ms: Int64s

    @classmethod
    def empty(cls, features: int) -> "FeatureScratch":
        """Nothing yet."""
        return cls(
            np.zeros((features, CHOSEN), np.float32),
            np.zeros(SITUATION, np.float32),
            np.zeros(CHOSEN, np.int64),
            np.zeros(CHOSEN, np.int64),
            np.zeros(CHOSEN, np.int64),
        )
