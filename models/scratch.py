"""Scratch memory for ranking one user after the other, as one tree that kernels take."""

from typing import NamedTuple

from models.candidates import Candidates
from models.diversity import DiversityScratch
from models.experts.sequence import Foreseen
from models.experts.vectors import VectorScratch
from models.features import FeatureScratch, features_of
from models.ranker import RankerScratch
from models.registry import SEQUENCE


class Scratch(NamedTuple):
    """Nothing in it outlives a ranking."""

    candidates: Candidates
    vectors: VectorScratch
    foreseen: Foreseen
    features: FeatureScratch
    ranker: RankerScratch
    diversity: DiversityScratch

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
        )
