"""Scratch memory for ranking one user after the other, as one tree that kernels take."""

from typing import NamedTuple

from models.candidates import Candidates
from models.diversity import DiversityScratch
from models.experts.vectors import VectorScratch
from models.features import FeatureScratch
from models.ranker import RankerScratch
from models.registry import EXPERTS


class Scratch(NamedTuple):
    """Nothing in it outlives a ranking."""

    candidates: Candidates
    vectors: VectorScratch
    features: FeatureScratch
    ranker: RankerScratch
    diversity: DiversityScratch

    @classmethod
    def empty(cls, items: int) -> "Scratch":
        """For a catalogue of `items` rows."""
        return cls(
            Candidates.empty(items, len(EXPERTS)),
            VectorScratch.empty(),
            FeatureScratch.empty(),
            RankerScratch.empty(),
            DiversityScratch.empty(),
        )
