"""A recommender with the sequence expert, and what it says of all items."""

import numpy as np
import torch

from models.batch import Float32s
from models.experts.sequence import foresee_users, score_sequence
from models.foresight import always
from models.neural.online import OnlineModel
from models.recommender import Recommender, RecommenderOptions
from models.registry import EXPERTS, SEQUENCE
from models.sequence_options import SequenceOptions
from models.shard import ProfileShard

ON = RecommenderOptions(experts=(*EXPERTS, "sequence"), sequence=SequenceOptions(100))
CATALOGUE = 60


def model_of(recommender: Recommender) -> OnlineModel:
    """Its torch side."""
    model = recommender.foresight._model
    assert model
    return model


def scores_of_kernel(recommender: Recommender, shard: ProfileShard, user: int) -> tuple[Float32s, torch.Tensor]:
    """What the expert says of all items of the catalogue; and the rows."""
    candidates = recommender.scratch.candidates
    foreseen, knowledge = recommender.scratch.foreseen, recommender.knowledge
    foresee_users(shard.profiles, np.array([user], np.int32), foreseen)
    model_of(recommender).encode(knowledge.sequence, foreseen, 1, always)
    foreseen.at[0] = 0
    rows = recommender.vocabulary.rows_in_use()
    candidates.items[: len(rows)] = rows
    candidates.found[0] = len(rows)
    out = np.zeros_like(candidates.scores[SEQUENCE])
    score_sequence(knowledge.sequence, foreseen, candidates, out)
    return out[: len(rows)], torch.from_numpy(rows.astype(np.int64))
