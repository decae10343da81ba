"""What the sequence expert does for lists: it proposes items of its own, and lets those go that cannot wait."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from models.batch import Interactions
from models.foresight import AtOnce, Trainings
from models.policies import Repeats
from models.recommender import Recommender
from models.registry import SEQUENCE
from models.sequence_options import SequenceOptions
from tests.support.learning import learned, random_batch
from tests.support.sequence import CATALOGUE, ON, scores_of_kernel


def test_lists_for_which_time_runs_out_go_out_without_it_and_are_counted() -> None:
    class Hasty(AtOnce):
        def begin_round(self) -> Callable[[], bool]:
            answers = iter([True, False])
            return lambda: next(answers)

    recommender = Recommender(ON, Hasty())
    shard = recommender.new_shard()
    recommender.learn(shard, random_batch(29, 600, 50, CATALOGUE))
    users, foreseen = shard.users.rows_in_use(), recommender.scratch.foreseen
    ranked = recommender.recommend(shard, users, 10)
    assert foreseen.asked[: len(users)].tolist() == [True] * 32 + [False] * (len(users) - 32)
    assert (ranked.items[:, 0] >= 0).all()
    assert not (ranked.experts[32:] == SEQUENCE).any()
    skipped = recommender.learn(shard, random_batch(30, 1, 50, CATALOGUE)).trainings
    assert skipped == Trainings(users_skipped=len(users) - 32)


def test_it_proposes_what_scores_highest_of_all_that_had_come_when_training_was_due() -> None:
    options = replace(ON, sequence=SequenceOptions(100, proposals=7), repeats=Repeats.ALLOW)
    recommender, shard = learned(options, random_batch(31, 500, 20, 300))
    recommender.learn(shard, Interactions.of(["u1"], ["new"], [10**9]))
    foreseen, candidates = recommender.scratch.foreseen, recommender.scratch.candidates
    for user in shard.users.rows_in_use():
        recommender.recommend(shard, np.array([user], np.int32), 5)
        proposed = foreseen.proposals[0]
        assert set(proposed.tolist()) <= set(candidates.items[: candidates.found[0]].tolist())
        scores, rows = scores_of_kernel(recommender, shard, int(user))
        scores[rows.tolist().index(recommender.vocabulary.row("new"))] = 0
        assert set(proposed.tolist()) == set(rows[np.argsort(-scores)[:7]].tolist())


def test_it_proposes_no_item_that_gave_up_its_row() -> None:
    options = replace(ON, sequence=SequenceOptions(50, proposals=20), max_items=20)
    recommender, shard = learned(options, random_batch(5, 400, 10, 20))
    known = set(recommender.vocabulary.rows_in_use().tolist())
    recommender._forget_items()
    (gone,) = known - set(recommender.vocabulary.rows_in_use().tolist())
    recommender.recommend(shard, shard.users.rows_in_use(), 5)
    proposals = recommender.scratch.foreseen.proposals[: len(shard.users)]
    assert (proposals >= 0).sum() == 19 * len(shard.users)
    assert gone not in proposals
