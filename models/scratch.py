"""Scratch memory for ranking one user after the other, as one tree that kernels take."""

from typing import NamedTuple

import numpy as np

from models.batch import Float32s
from models.candidates import Candidates
from models.diversity import DiversityScratch
from models.experts.sequence import Foreseen
from models.experts.vectors import VectorScratch
from models.features import FeatureScratch, features_of
from models.profiles import HISTORY_EVENTS, Profiles
from models.ranker import RankerScratch
from models.registry import SEQUENCE


class Scratch(NamedTuple):
    """Nothing in it outlives a ranking.

    Attributes:
        without: of one user, whose list is explained, without one of the items.
        own_weights: (96,) float32, by events ago, what the user's items add to the list.
    """

    candidates: Candidates
    vectors: VectorScratch
    foreseen: Foreseen
    features: FeatureScratch
    ranker: RankerScratch
    diversity: DiversityScratch
    without: Profiles
    own_weights: Float32s

    @classmethod
    def empty(cls, items: int, experts: int, proposals: int) -> "Scratch":
        """For a catalogue of `items` rows, so many columns of experts, and proposals of the sequence expert."""
        features = features_of(experts)
        return cls(
            Candidates.empty(items, experts),
            VectorScratch.empty(),
            Foreseen.empty(experts > SEQUENCE, proposals),
            FeatureScratch.empty(features),
            RankerScratch.empty(features),
            DiversityScratch.empty(),
            Profiles.empty(1),
            np.zeros(HISTORY_EVENTS, np.float32),
        )
