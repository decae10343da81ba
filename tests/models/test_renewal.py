"""Learning rates rise when the stream changes; the same however the stream is cut."""

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.batch import Interactions
from models.evaluation import prequential
from models.experts.vectors import FIRST_SQUARE
from models.ranker import FIRST_HIDDEN_SQUARE, FIRST_LINEAR_SQUARE
from models.recommender import Recommender, RecommenderOptions
from models.renewal import (
    BLOCK_VALUES,
    LOG_LOSS,
    MISSES,
    MIXTURE_EVENTS,
    RANKER_RISE,
    USUAL_BLOCKS,
    VECTOR_RISE,
    Renewal,
    has_changed,
    new_items_have_changed,
    note_new_item,
    renew,
)
from tests.support.learning import assert_same_state, learned, restored, state_of

SWITCH_AT, EVENTS = 6_000, 8_000
USERS, ITEMS = 60, 300
RENEWING, NOT_RENEWING = RecommenderOptions(), RecommenderOptions(renewal=False)


def switched(seed: int) -> Interactions:
    """Users walk on a ring of items, up to twelve steps at a time, until each item takes the place of another."""
    random = np.random.default_rng(seed)
    users = random.integers(0, USERS, EVENTS)
    rings = np.arange(ITEMS), random.permutation(ITEMS)
    places = random.integers(0, ITEMS, USERS)
    items = []
    for event, (user, steps) in enumerate(zip(users.tolist(), random.integers(1, 13, EVENTS).tolist(), strict=True)):
        places[user] = (places[user] + steps) % ITEMS
        items.append(f"i{rings[event >= SWITCH_AT][places[user]]}")
    return Interactions.of([f"u{user}" for user in users], items, 60_000 * np.arange(EVENTS))


@pytest.fixture(scope="module")
def stream() -> Interactions:
    return switched(1)


@pytest.fixture(scope="module")
def whole(stream: Interactions) -> Any:
    """What a recommender knows that learned the stream in one batch."""
    return learned(RENEWING, stream)


def changes_at(values: npt.NDArray[np.float64], signal: int = LOG_LOSS) -> list[int]:
    """After how many values a change was seen."""
    renewal = Renewal.empty()
    found = [count for count, value in enumerate(values.tolist(), 1) if has_changed(renewal, signal, value)]
    assert renewal.changes.tolist() == [len(found) if each == signal else 0 for each in range(3)]
    return found


def levels(*parts: tuple[int, float]) -> npt.NDArray[np.float64]:
    """Parts of a skewed stream, each with its length and mean."""
    random = np.random.default_rng(2)
    return np.concatenate([random.gamma(2.0, mean / 2.0, values) for values, mean in parts])


def test_a_level_that_rises_is_noticed_soon_and_once() -> None:
    (place,) = changes_at(levels((20_000, 2.0), (10_000, 3.0)))
    assert 20_000 < place < 20_000 + 6 * BLOCK_VALUES


def test_a_level_that_rises_again_is_noticed_again() -> None:
    assert len(changes_at(levels((20_000, 2.0), (10_000, 3.0), (10_000, 4.5)))) == 2


@pytest.mark.parametrize("signal", [LOG_LOSS, MISSES])
def test_a_steady_level_or_one_that_falls_is_no_change(signal: int) -> None:
    assert changes_at(levels((60_000, 2.0), (20_000, 1.0)), signal) == []


def test_nothing_is_a_change_before_the_usual_level_is_known() -> None:
    early = levels((USUAL_BLOCKS * BLOCK_VALUES // 2, 1.0), (USUAL_BLOCKS * BLOCK_VALUES // 2, 9.0))
    assert changes_at(early) == []


@pytest.mark.parametrize("every", [1, 7, 200])
def test_new_items_are_a_change_when_there_were_hardly_any_however_seldom_events_teach(every: int) -> None:
    renewal, found = Renewal.empty(), []
    for event in range(40_000):
        if event > 35_000 or event % 1_000 == 0:
            note_new_item(renewal)
        if event % every == 0 and new_items_have_changed(renewal, event):
            found.append(event)
    assert len(found) == 1
    assert 35_000 < found[0] < 36_500


def test_rates_rise_by_their_factors_but_not_above_those_at_the_start() -> None:
    knowledge = Recommender().knowledge
    knowledge.vectors.input_squares[:2] = 8.0, 2 * FIRST_SQUARE
    knowledge.ranker.inner_squares[0, :2] = 8.0, FIRST_HIDDEN_SQUARE
    knowledge.ranker.by_context_squares[3, :2] = 8.0, 2.0
    knowledge.mixture.trained[:2] = 5, 5_000
    renew(knowledge.vectors, knowledge.ranker, knowledge.mixture)
    assert knowledge.vectors.input_squares[:2].tolist() == pytest.approx([8 / VECTOR_RISE**2, FIRST_SQUARE])
    assert knowledge.ranker.inner_squares[0, :2].tolist() == pytest.approx([8 / RANKER_RISE**2, FIRST_HIDDEN_SQUARE])
    assert knowledge.ranker.by_context_squares[3, :2].tolist() == [8 / RANKER_RISE**2, FIRST_LINEAR_SQUARE]
    assert knowledge.mixture.trained[:2].tolist() == [5, MIXTURE_EVENTS]


def test_a_switch_of_the_items_is_noticed(whole: Any) -> None:
    recommender, _ = whole
    assert recommender.renewals >= 1


@settings(max_examples=5, deadline=None)
@given(cuts=st.lists(st.integers(0, EVENTS), max_size=6))
def test_the_state_is_the_same_however_the_stream_is_cut(stream: Interactions, whole: Any, cuts: list[int]) -> None:
    recommender = Recommender(RENEWING)
    shard = recommender.new_shard()
    renewals = 0
    for start, stop in pairwise(sorted([0, *cuts, EVENTS])):
        renewals += recommender.learn(shard, stream.slice(start, stop)).renewals
    assert renewals == recommender.renewals == whole[0].renewals
    assert_same_state(state_of(recommender, shard), state_of(*whole))


@pytest.mark.parametrize("stop", [SWITCH_AT - 77, SWITCH_AT + 300])
def test_a_replay_from_a_snapshot_leads_to_the_same_state(stream: Interactions, whole: Any, stop: int) -> None:
    recommender, shard = restored(RENEWING, *learned(RENEWING, stream.slice(0, stop)))
    recommender.learn(shard, stream.slice(stop, EVENTS))
    assert_same_state(state_of(recommender, shard), state_of(*whole))


def test_lists_that_stand_published_change_nothing_that_is_learned(stream: Interactions, whole: Any) -> None:
    recommender, shard = learned(RENEWING, stream.slice(0, 4_000))
    users = shard.users.rows_in_use()
    shard.set_published(users, recommender.recommend(shard, users, 20).items)
    recommender.learn(shard, stream.slice(4_000, EVENTS))
    shard.profiles.published[:] = -1
    assert_same_state(state_of(recommender, shard), state_of(*whole))


def test_evaluating_renews_as_learning_does(stream: Interactions, whole: Any) -> None:
    recommender = Recommender(RENEWING)
    shard = recommender.new_shard()
    prequential(recommender, shard, stream)
    assert_same_state(state_of(recommender, shard), state_of(*whole))


def test_switched_off_nothing_rises(stream: Interactions, whole: Any) -> None:
    recommender, _ = learned(NOT_RENEWING, stream)
    assert recommender.renewals == 0
    assert recommender.knowledge.ranker.shared_squares.sum() > whole[0].knowledge.ranker.shared_squares.sum()


def hits_after_the_switch(options: RecommenderOptions, stream: Interactions) -> int:
    recommender = Recommender(options)
    ranks = prequential(recommender, recommender.new_shard(), stream).ranks
    return int(np.count_nonzero(ranks[SWITCH_AT:] <= 20))


def test_after_a_switch_lists_recover_faster_than_without() -> None:
    streams = [switched(seed) for seed in range(3)]
    with_it, without = (
        sum(hits_after_the_switch(options, stream) for stream in streams) for options in (RENEWING, NOT_RENEWING)
    )
    assert with_it > 1.1 * without
