"""Every expert, alone and with all others: what a recommender promises whichever experts take part."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.knowledge import Knowledge
from models.policies import Repeats
from models.profiles import Profiles
from models.recommender import Recommender, RecommenderOptions
from models.registry import ALL_EXPERTS, EXPERTS, columns
from models.sequence_options import SequenceOptions
from models.tables import size_bytes
from tests.support.learning import (
    Event,
    assert_same_state,
    batch_of,
    history_of,
    items_of,
    learned,
    lists_of,
    live_bytes,
    new_recommender,
    random_batch,
    restored,
    state_of,
)

EXPERT_SETS = [
    *(pytest.param((name,), id=name) for name in ALL_EXPERTS),
    pytest.param(EXPERTS, id="default"),
    pytest.param(ALL_EXPERTS, id="all"),
]

WITH_REASON = {
    "next",
    "forward",
    "backward",
    "similar",
    "basket",
    "content",
}  # experts that score by an item of the user's own

every_expert = pytest.mark.parametrize("experts", EXPERT_SETS)

EVENTS = st.lists(
    st.tuples(
        st.sampled_from("abcdefgh"),
        st.sampled_from([f"i{number}" for number in range(12)]),
        st.sampled_from([0, 0, 1000, 4_000_000]),
        st.sampled_from([0.0, 0.25, 1.0, 1.0, 3.0, -1.0, -0.5]),
    ),
    max_size=60,
)
CUTS = st.lists(st.integers(0, 60), max_size=12)
BOUNDS = st.tuples(st.integers(1, 14), st.integers(1, 9))


def options_with(experts: tuple[str, ...], **others: Any) -> RecommenderOptions:
    """These experts, those that are trained trained often enough for short streams."""
    return RecommenderOptions(experts=experts, **{"sequence": SequenceOptions(100), **others})


@every_expert
def test_it_works_before_any_event(experts: tuple[str, ...]) -> None:
    recommender = new_recommender(options_with(experts))
    shard = recommender.new_shard()
    assert recommender.recommend(shard, np.zeros(0, np.int32), 5).items.shape == (0, 5)
    assert len(recommender.popular(5)[0]) == 0
    recommender.learn(shard, batch_of([]))
    recommender.learn(shard, batch_of([("a", "x", 0, 0.0)]))
    assert lists_of(recommender, shard) == {"a": []}
    assert recommender.events == 0


@every_expert
def test_it_proposes_something_after_some_events(experts: tuple[str, ...]) -> None:
    recommender, shard = learned(options_with(experts, repeats=Repeats.ALLOW), random_batch(1, 600, 9, 30))
    lists = lists_of(recommender, shard)
    assert len(lists) == 9
    assert any(lists.values()) if experts == ("basket",) else all(lists.values())  # not all items were in a basket
    for places in lists.values():
        assert {expert for _, _, expert, _ in places} <= set(experts)


@every_expert
def test_lists_fall_in_score_and_show_nothing_twice(experts: tuple[str, ...]) -> None:
    recommender, shard = learned(options_with(experts), random_batch(2, 500, 20, 40))
    for places in lists_of(recommender, shard).values():
        items, scores = [item for item, *_ in places], [score for _, score, *_ in places]
        assert len(set(items)) == len(items)
        assert scores == sorted(scores, reverse=True)
        assert all(0 < score <= 1 for score in scores)
        assert sum(scores) <= 1.00001


@every_expert
def test_ranking_leaves_no_trace(experts: tuple[str, ...]) -> None:
    batch = random_batch(3, 300, 20, 30)
    options = options_with(experts, max_items=25, max_users=15)
    ranking, ranking_shard = learned(options, batch.slice(0, 200))
    before = state_of(ranking, ranking_shard)
    first = lists_of(ranking, ranking_shard)
    ranking.popular(10)
    assert_same_state(before, state_of(ranking, ranking_shard))
    assert lists_of(ranking, ranking_shard) == first
    silent, silent_shard = learned(options, batch.slice(0, 200))
    for recommender, shard in ((ranking, ranking_shard), (silent, silent_shard)):
        recommender.learn(shard, batch.slice(200, 300))
    assert_same_state(state_of(silent, silent_shard), state_of(ranking, ranking_shard))


@every_expert
def test_the_same_events_lead_to_the_same_lists(experts: tuple[str, ...]) -> None:
    options = options_with(experts, max_items=25, max_users=15)
    (one, one_shard), (two, two_shard) = (learned(options, random_batch(4, 400, 20, 30)) for _ in range(2))
    assert_same_state(state_of(one, one_shard), state_of(two, two_shard))
    assert lists_of(one, one_shard) == lists_of(two, two_shard)


@every_expert
@settings(max_examples=25)
@given(events=EVENTS, cuts=CUTS, bounds=BOUNDS)
def test_a_batch_that_is_cut_anywhere_leads_to_the_same_state(
    experts: tuple[str, ...], events: list[Event], cuts: list[int], bounds: tuple[int, int]
) -> None:
    options = options_with(experts, max_items=bounds[0], max_users=bounds[1], sequence=SequenceOptions(7))
    batch = batch_of(events)
    recommender = new_recommender(options)
    shard = recommender.new_shard()
    at_once = recommender.learn(shard, batch)
    cut = new_recommender(options)
    cut_shard = cut.new_shard()
    parts = [cut.learn(cut_shard, batch.slice(*edges)) for edges in pairwise(sorted([0, *cuts, len(batch)]))]
    assert_same_state(state_of(recommender, shard), state_of(cut, cut_shard))
    assert lists_of(recommender, shard) == lists_of(cut, cut_shard)
    assert at_once.forgotten_users == [user for part in parts for user in part.forgotten_users]
    assert at_once.users.tolist() == [shard.users.row(user) for user in batch.users]


@settings(max_examples=25)
@given(events=EVENTS, cuts=CUTS, bounds=BOUNDS)
def test_what_published_lists_were_worth_does_not_depend_on_cuts(
    events: list[Event], cuts: list[int], bounds: tuple[int, int]
) -> None:
    options = RecommenderOptions(max_items=bounds[0], max_users=bounds[1])
    first, batch = random_batch(5, 40, 8, 12), batch_of(events)
    places: list[list[list[int]]] = []
    for edges in ([0, len(batch)], sorted([0, *cuts, len(batch)])):
        recommender, shard = learned(options, first)
        users = shard.users.rows_in_use()
        shard.set_published(users, recommender.recommend(shard, users, 3).items)
        recommender.set_published_popular(recommender.popular(3)[0])
        parts = [recommender.learn(shard, batch.slice(*pair)).served for pair in pairwise(edges)]
        places.append([np.concatenate(column).tolist() for column in zip(*parts, strict=True)])
    assert places[0] == places[1]


@every_expert
def test_memory_stays_within_its_bounds(experts: tuple[str, ...]) -> None:
    options = options_with(experts, max_items=50, max_users=40)
    recommender = new_recommender(options)
    shard = recommender.new_shard()
    for seed in range(10):
        recommender.learn(shard, random_batch(seed, 400, 40, 500, least_user=40 * seed))
        assert len(recommender.vocabulary) <= recommender.vocabulary.rows_used <= 50
        assert len(shard.users) <= shard.users.rows_used <= 40
        assert len(recommender.vocabulary.dump()[2]) <= 50
    hashes_bytes, shelf_bytes, profiles_bytes = 8 * (50 + 40), (1 + 4 + 8) * 50, size_bytes(Profiles.empty(40))
    active = np.isin(columns(experts), experts)
    deep_bytes = recommender.foresight.size_bytes()
    items_bytes = size_bytes(Knowledge.empty(50, active)) + size_bytes(recommender.scratch) + deep_bytes
    assert live_bytes(recommender, shard) == items_bytes + shelf_bytes + profiles_bytes + hashes_bytes
    assert len(recommender.scratch.candidates.places_by_item) == 50


@every_expert
def test_what_is_saved_ranks_and_learns_on_the_same(experts: tuple[str, ...]) -> None:
    options = options_with(experts, max_items=25, max_users=15)
    batch = random_batch(6, 400, 20, 40)
    recommender, shard = learned(options, batch.slice(0, 250))
    shard.set_published(shard.users.rows_in_use(), recommender.recommend(shard, shard.users.rows_in_use(), 5).items)
    other, other_shard = restored(options, recommender, shard)
    assert lists_of(other, other_shard) == lists_of(recommender, shard)
    here, there = (one.learn(of, batch.slice(250, 400)) for one, of in ((recommender, shard), (other, other_shard)))
    np.testing.assert_array_equal(here.served.places, there.served.places)
    assert_same_state(state_of(recommender, shard), state_of(other, other_shard))
    assert lists_of(other, other_shard) == lists_of(recommender, shard)


@every_expert
def test_an_item_that_cannot_be_had_is_in_no_list(experts: tuple[str, ...]) -> None:
    options = options_with(experts, repeats=Repeats.ALLOW, max_items=25)
    batch = random_batch(7, 600, 15, 60)
    recommender = new_recommender(options)
    shard = recommender.new_shard()
    gone = {f"i{number}" for number in range(0, 60, 3)}
    for item in gone:
        recommender.set_shown(item, shown=False)
    shown: set[str] = set()
    for start in range(0, 600, 50):
        recommender.learn(shard, batch.slice(start, start + 50))
        popular = recommender.vocabulary.ids_of(recommender.popular(25)[0].tolist())
        shown |= {*popular, *(item for items in items_of(recommender, shard).values() for item in items)}
    assert shown
    assert not shown & gone
    for item in gone:
        recommender.set_shown(item, shown=True)
    assert gone & {item for items in items_of(recommender, shard, 25).values() for item in items}


@every_expert
def test_seen_items_are_shown_again_only_where_that_is_allowed(experts: tuple[str, ...]) -> None:
    batch = random_batch(8, 300, 10, 50)
    had = {(user, item) for user, item in zip(batch.users, batch.items, strict=True)}
    shown = {}
    for repeats in (Repeats.EXCLUDE, Repeats.ALLOW):
        recommender, shard = learned(options_with(experts, repeats=repeats), batch)
        shown[repeats] = {(user, item) for user, items in items_of(recommender, shard).items() for item in items}
    assert not shown[Repeats.EXCLUDE] & had
    assert shown[Repeats.ALLOW] & had


@every_expert
def test_reasons_name_items_of_the_users_own_history(experts: tuple[str, ...]) -> None:
    recommender, shard = learned(options_with(experts, max_items=30), random_batch(9, 500, 15, 50))
    reasons = 0
    for user, places in lists_of(recommender, shard).items():
        own = history_of(recommender, shard, user)
        for _, _, expert, because in places:
            assert (because != "") == (expert in WITH_REASON)
            assert because == "" or because in own
            reasons += because != ""
    assert (reasons > 0) == bool(WITH_REASON & set(experts))


def test_an_expert_that_does_not_exist_is_refused() -> None:
    for experts in (("next", "oracle"), ()):
        with pytest.raises(ValueError, match="unknown experts"):
            Recommender(options_with(experts))
