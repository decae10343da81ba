"""The content expert: what is alike comes into lists before anybody had it; what was said survives."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.batch import Interactions
from models.descriptions import Description
from models.experts.content import NEAREST_ITEMS, NOTHING_SAID, TERMS, UNMET_ITEMS, novelty_of
from models.knowledge import EVENTS, check_rows
from models.policies import Repeats
from models.recommender import Recommender, RecommenderOptions
from models.registry import CONTENT, EXPERTS
from tests.support.learning import (
    assert_same_state,
    descriptions_of,
    items_of,
    learned,
    random_batch,
    restored,
    state_of,
)

ON = RecommenderOptions(experts=(*EXPERTS, "content"))
ALONE = RecommenderOptions(experts=("content",), repeats=Repeats.EXCLUDE)

PIRATES = [
    Description(f"pirate{n}", f"Voyage {n}", "Anne B", "pirates, sea", (), "A ship, a map, an island.")
    for n in range(5)
]
ROBOTS = [
    Description(f"robot{n}", f"Model {n}", "Karel C", "robots", ("steel",), "Wires and thoughts.") for n in range(5)
]


def row_of(recommender: Recommender, item: str) -> dict[str, float]:
    """Its similar items, with their cosines."""
    content, row = recommender.knowledge.content, recommender.vocabulary.row(item)
    pairs = zip(content.items[row].tolist(), content.cosines[row].tolist(), strict=True)
    return {recommender.vocabulary.id_of(other): cosine for other, cosine in pairs if other >= 0}


def test_items_that_are_described_alike_are_neighbours() -> None:
    recommender = Recommender(ALONE)
    assert recommender.describe_items([*PIRATES, *ROBOTS]) == 10
    for kind in (PIRATES, ROBOTS):
        for each in kind:
            alike = row_of(recommender, each.item)
            assert alike.keys() == {other.item for other in kind} - {each.item}
            assert all(0.5 < cosine < 1.00001 for cosine in alike.values())


def test_an_item_that_nobody_had_stands_in_the_list_of_who_had_one_like_it() -> None:
    recommender = Recommender(ALONE)
    recommender.describe_items([*PIRATES, *ROBOTS])
    shard = recommender.new_shard()
    recommender.learn(shard, Interactions.of(["a", "b"], ["pirate0", "robot3"], [1, 2]))
    lists = items_of(recommender, shard)
    assert set(lists["a"]) == {f"pirate{n}" for n in (1, 2, 3, 4)}
    assert set(lists["b"]) == {f"robot{n}" for n in (0, 1, 2, 4)}


def test_without_the_expert_descriptions_take_no_room() -> None:
    recommender = Recommender(RecommenderOptions())
    assert recommender.describe_items(PIRATES) == 0
    assert len(recommender.vocabulary) == 0
    assert all(array.size == 0 for array in recommender.knowledge.content)
    assert not any("content" in name for name in recommender.dump())


def test_what_is_said_again_changes_nothing_and_what_is_said_anew_replaces_it() -> None:
    recommender = Recommender(ALONE)
    recommender.describe_items([*PIRATES, *ROBOTS])
    before = recommender.dump()
    assert recommender.describe_items([*ROBOTS, *PIRATES]) == 0
    assert_same_state(before, recommender.dump())
    assert recommender.describe_items([PIRATES[0]._replace(author="Karel C", category="robots", text="Wires.")]) == 1
    assert set(row_of(recommender, "pirate0")) >= {each.item for each in ROBOTS}
    assert "pirate0" in row_of(recommender, "robot1")
    assert row_of(recommender, "pirate1").get("pirate0", 0.0) < 0.1


def test_described_items_push_out_no_item_with_events() -> None:
    options = replace(ON, max_items=8)
    recommender, shard = learned(replace(options, experts=EXPERTS), random_batch(1, 40, 4, 6))
    known = dict(recommender.vocabulary.items())
    other, _ = restored(options, recommender, shard)
    other.describe_items([*PIRATES, *ROBOTS])
    now = dict(other.vocabulary.items())
    assert known.items() <= now.items()
    assert len(now) == 8
    assert set(now) - set(known) == {each.item for each in PIRATES[: 8 - len(known)]}


def test_items_with_events_push_out_described_ones() -> None:
    recommender = Recommender(replace(ON, max_items=8))
    recommender.describe_items([*PIRATES, *ROBOTS])
    shard = recommender.new_shard()
    for _ in range(2):  # a full vocabulary admits at the second event
        recommender.learn(shard, random_batch(2, 60, 4, 8))
    assert {f"i{number}" for number in range(8)} == {item for item, _ in recommender.vocabulary.items()}
    content = recommender.knowledge.content
    assert (content.digests == NOTHING_SAID).all()
    assert (content.items == -1).all()
    assert not content.cosines.any()


def test_a_part_of_each_row_is_kept_for_items_that_nobody_had() -> None:
    crowd = [Description(f"i{number}", "one and the same", text=f"w{number}") for number in range(200)]
    recommender, shard = learned(ON, random_batch(3, 4, 4, 60))
    recommender.describe_items(crowd[:100])
    recommender.learn(shard, Interactions.of(["u"] * 100, [each.item for each in crowd[:100]], range(100)))
    recommender.describe_items(crowd[100:])
    content, events = recommender.knowledge.content, recommender.knowledge.events
    row = recommender.vocabulary.row("i5")
    assert (content.items[row] >= 0).all()
    kept = content.items[row, NEAREST_ITEMS:]
    assert len(kept) == UNMET_ITEMS
    assert (events[kept] == 0).all()


def test_an_item_is_less_of_a_novelty_the_longer_ago_it_came_and_none_when_somebody_had_it() -> None:
    novelty = novelty_of(np.array([0, 0, 0, 2]), np.array([20_000, 15_000, 10_000, 20_000]), 20_000)
    np.testing.assert_allclose(novelty, [1, 1 / 2, 1 / 3, 0])


def test_a_new_items_age_counts_from_when_it_was_described() -> None:
    recommender, shard = learned(ON, random_batch(4, 30, 4, 60))
    recommender.describe_items(ROBOTS)
    assert recommender.knowledge.history.first[recommender.vocabulary.row("robot1")] == recommender.events == 30
    recommender.learn(shard, Interactions.of(["u"], ["robot1"], [1]))
    assert recommender.knowledge.history.first[recommender.vocabulary.row("robot1")] == 31


def test_terms_are_unit_vectors_of_the_heaviest_terms() -> None:
    recommender = Recommender(ON)
    long = Description("long", "title", text=" ".join(f"word{number}" for number in range(400)))
    recommender.describe_items([*PIRATES, long, Description("silent")])
    content = recommender.knowledge.content
    lengths = np.linalg.norm(content.weights, axis=1)
    described = [recommender.vocabulary.row(each) for each in ("pirate0", "long")]
    np.testing.assert_allclose(lengths[described], 1, rtol=1e-5)
    assert (content.terms[described[1]] >= 0).sum() == TERMS
    assert (content.terms[recommender.vocabulary.row("silent")] == -1).all()
    assert row_of(recommender, "silent") == {}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("learn"), st.integers(0, 9)),
        st.tuples(st.just("describe"), st.integers(0, 9)),
    ),
    max_size=8,
)


@settings(max_examples=10, deadline=None)
@given(steps=STEPS, cut=st.integers(0, 8), most=st.sampled_from([7, 15, 60]))
def test_a_snapshot_between_events_and_descriptions_goes_on_to_the_same_bits(
    steps: list[tuple[str, int]], cut: int, most: int
) -> None:
    options = replace(ON, max_items=most)
    recommender = Recommender(options)
    shard = recommender.new_shard()
    other, other_shard = recommender, shard
    for place, (step, seed) in enumerate(steps):
        if place == cut:
            other, other_shard = restored(options, recommender, shard)
        for one, of in {id(recommender): (recommender, shard), id(other): (other, other_shard)}.values():
            if step == "learn":
                one.learn(of, random_batch(seed, 40, 5, 30))
            else:
                one.describe_items(descriptions_of(f"i{(7 * seed + number) % 40}" for number in range(9)))
    check_rows(recommender.knowledge)
    assert_same_state(state_of(recommender, shard), state_of(other, other_shard))
    assert items_of(recommender, shard) == items_of(other, other_shard)


def test_it_may_be_switched_on_and_off_after_a_restart() -> None:
    off = RecommenderOptions()
    recommender, shard = learned(off, random_batch(5, 300, 20, 40))
    on, on_shard = restored(ON, recommender, shard)
    assert on.mixture.weights.shape[1] == CONTENT + 1
    np.testing.assert_allclose(on.mixture.weights.sum(axis=1), 1)
    on.describe_items(descriptions_of(f"i{number}" for number in range(60)))
    on.learn(on_shard, random_batch(6, 300, 20, 50))
    shown = {item for items in items_of(on, on_shard, 60).values() for item in items}
    assert shown & {f"i{number}" for number in range(50, 60)}
    again, again_shard = restored(off, on, on_shard)
    assert again.mixture.weights.shape[1] == len(EXPERTS)
    assert again.knowledge.counters[EVENTS] == 600
    again.learn(again_shard, random_batch(7, 50, 20, 40))
    assert not any("content" in name for name in again.dump())


@pytest.mark.parametrize(
    "experts", [(*EXPERTS, "sequence"), (*EXPERTS, "content", "sequence")], ids=["without", "with"]
)
def test_it_and_the_sequence_expert_are_switched_each_for_itself(experts: tuple[str, ...]) -> None:
    recommender, shard = learned(ON, random_batch(8, 300, 20, 40))
    both, both_shard = restored(replace(ON, experts=experts), recommender, shard)
    both.learn(both_shard, random_batch(9, 100, 20, 40))
    back, back_shard = restored(ON, both, both_shard)
    assert back.mixture.weights.shape[1] == CONTENT + 1
    kept = "content" in experts
    assert bool(back.knowledge.content.digests.any()) == kept
    back.learn(back_shard, random_batch(10, 100, 20, 40))
