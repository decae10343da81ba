"""An objective: lists are to foresee some events; the others teach all but ranker and mixture."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.batch import Float32s, Interactions
from models.evaluation import prequential
from models.policies import Repeats
from models.recommender import Recommender, RecommenderOptions
from models.registry import ALL_EXPERTS, EXPERTS
from models.sequence_options import SequenceOptions
from models.tables import dump
from tests.support.learning import Event, assert_same_state, batch_of, learned, new_recommender, random_batch, state_of

EVENTS = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.sampled_from("stuvwxyz"),
        st.sampled_from([0, 1000, 4_000_000]),
        st.sampled_from([0.0, 0.3, 1.0, -1.0]),
    ),
    max_size=80,
)


def aimed(batch: Interactions, every: int) -> Interactions:
    """Every so many-th event is of the objective."""
    return replace(batch, of_objective=np.arange(len(batch)) % every == 0)


def blend_of(recommender: Recommender) -> list[bytes]:
    """What only events of the objective may change."""
    parts = recommender.knowledge.mixture, recommender.knowledge.ranker
    return [array.tobytes() for part in parts for array in dump(part, "").values()]


@settings(max_examples=30)
@given(events=EVENTS, every=st.integers(1, 4), cuts=st.lists(st.integers(0, 80), max_size=5))
def test_the_state_is_the_same_however_the_stream_is_cut(events: list[Event], every: int, cuts: list[int]) -> None:
    batch = aimed(batch_of(events), every)
    options = RecommenderOptions(repeats=Repeats.ALLOW)
    pieces = Recommender(options)
    shard = pieces.new_shard()
    for edges in pairwise(sorted([0, *cuts, len(batch)])):
        pieces.learn(shard, batch.slice(*edges))
    assert_same_state(state_of(pieces, shard), state_of(*learned(options, batch)))


@pytest.mark.parametrize("repeats", list(Repeats))
@pytest.mark.parametrize("ranker_share", [1.0, 1 / 7])
@pytest.mark.parametrize("experts", [EXPERTS, ALL_EXPERTS], ids=["default", "all"])
def test_evaluating_and_learning_leave_the_same_state(
    repeats: Repeats, ranker_share: float, experts: tuple[str, ...]
) -> None:
    options = RecommenderOptions(
        repeats=repeats,
        ranker_share=ranker_share,
        ranker_warmup_events=50,
        experts=experts,
        sequence=SequenceOptions(150),
    )
    batch = aimed(random_batch(5, 800, 40, 60), 3)
    evaluating = new_recommender(options)
    shard = evaluating.new_shard()
    outcomes = prequential(evaluating, shard, batch)
    assert_same_state(state_of(evaluating, shard), state_of(*learned(options, batch)))
    assert np.isfinite(outcomes.ranks[~batch.of_objective]).any(), "all kinds are ranked, so that each can be measured"


def test_other_events_leave_ranker_and_mixture_as_they_were_and_teach_the_rest() -> None:
    recommender, shard = learned(RecommenderOptions(), random_batch(6, 600, 30, 40))
    before, vectors = blend_of(recommender), recommender.knowledge.vectors.outputs.copy()
    ties, taste = recommender.knowledge.neighbours.counts.copy(), shard.profiles.taste.copy()
    more = random_batch(7, 300, 30, 40)
    recommender.learn(shard, replace(more, of_objective=np.zeros(300, np.bool_)))
    assert blend_of(recommender) == before
    assert not np.array_equal(recommender.knowledge.vectors.outputs, vectors)
    assert not np.array_equal(recommender.knowledge.neighbours.counts, ties)
    assert not np.array_equal(shard.profiles.taste, taste)
    assert recommender.events == 900


def test_events_of_the_objective_teach_ranker_and_mixture() -> None:
    recommender, shard = learned(RecommenderOptions(), random_batch(6, 600, 30, 40))
    before = blend_of(recommender)
    recommender.learn(shard, random_batch(7, 1, 30, 40))
    assert blend_of(recommender) != before


def test_what_is_watched_are_bets_on_the_objective() -> None:
    batch = aimed(random_batch(8, 400, 30, 40), 2)
    recommender = Recommender(RecommenderOptions())
    losses = recommender.learn(recommender.new_shard(), batch).surprises.log_losses
    assert (losses[batch.of_objective] >= 0).any()
    assert (losses[~batch.of_objective] == -1).all()


def test_lists_foresee_the_objective_better_where_kinds_go_different_ways() -> None:
    """All look on to the next item; what is taken, one in seven events, is the item that was looked at last."""
    draws = np.random.default_rng(9)
    users, items = [], []
    for visit in range(1500):
        first = int(draws.integers(0, 99))
        users += [f"u{visit % 50}"] * 7
        items += [f"i{first + step}" for step in range(6)] + [f"i{first + 5}"]
    stream = Interactions.of(users, items, 1000 * np.arange(len(users)))
    aim = np.arange(len(stream)) % 7 == 6
    without, with_it = (
        float((1 / ranks_of(each)[aim][-300:]).mean()) for each in (stream, replace(stream, of_objective=aim))
    )
    assert with_it > without + 0.1


def ranks_of(stream: Interactions) -> Float32s:
    recommender = Recommender(RecommenderOptions(repeats=Repeats.ALLOW))
    return prequential(recommender, recommender.new_shard(), stream).ranks
