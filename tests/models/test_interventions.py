"""People decide: items that are blocked, lifted and pinned, for everyone or for one user."""

import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.assortment import Shelf
from models.explaining import RULE_PART
from models.interventions import NO_INTERVENTIONS, Interventions
from models.pinning import pin_items
from models.policies import Repeats
from models.ranking import Ranked
from models.recommender import Recommender, RecommenderOptions
from models.shard import ProfileShard
from tests.support.learning import LIST_SIZE, items_of, learned, lists_of, random_batch

USERS, ITEMS = 12, 60
OWN: dict[str, Interventions] = {}


def shop(repeats: Repeats = Repeats.ALLOW, items: int = ITEMS) -> tuple[Recommender, ProfileShard]:
    options = RecommenderOptions(repeats=repeats, max_items=1000)
    return learned(options, random_batch(3, 3000, USERS, items))


def popular_of(recommender: Recommender) -> list[str]:
    return recommender.vocabulary.ids_of(recommender.popular(LIST_SIZE)[0].tolist())


def test_a_blocked_item_stands_in_no_list_until_it_is_let_in_again() -> None:
    recommender, shard = shop()
    before = items_of(recommender, shard)
    blocked = before["u0"][0]
    recommender.intervene(Interventions(blocked=frozenset({blocked, "i999"})), OWN)
    assert all(blocked not in items for items in items_of(recommender, shard).values())
    assert blocked not in popular_of(recommender)
    assert recommender.vocabulary.row(blocked) in recommender.hidden_rows()
    recommender.intervene(NO_INTERVENTIONS, OWN)
    assert items_of(recommender, shard) == before


def test_what_the_catalogue_hides_stays_hidden_when_a_block_ends() -> None:
    recommender, shard = shop()
    gone = items_of(recommender, shard)["u0"][0]
    recommender.intervene(Interventions(blocked=frozenset({gone})), OWN)
    recommender.set_shown(gone, shown=False)
    recommender.intervene(NO_INTERVENTIONS, OWN)
    assert all(gone not in items for items in items_of(recommender, shard).values())


def test_a_lift_multiplies_the_odds_between_two_items_by_its_power() -> None:
    recommender, shard = shop()
    before = {item: score for item, score, *_ in lists_of(recommender, shard, 60)["u1"]}
    raised, other = list(before)[5], next(iter(before))
    recommender.intervene(Interventions(lifts={raised: math.log(4.0)}), OWN)
    after = {item: score for item, score, *_ in lists_of(recommender, shard, 60)["u1"]}
    assert after[raised] / after[other] == pytest.approx(4 * before[raised] / before[other], rel=1e-4)
    assert sum(after.values()) == pytest.approx(sum(before.values()), rel=1e-3)


def test_a_lift_is_a_part_of_the_score_and_of_no_other_items() -> None:
    recommender, shard = shop()
    item = items_of(recommender, shard)["u1"][3]
    recommender.intervene(Interventions(lifts={item: -2.0}), OWN)
    ranked = recommender.recommend(shard, shard.users.rows_in_use(), ITEMS, explain=True)
    at_item = ranked.items == recommender.vocabulary.row(item)
    assert at_item.any()
    np.testing.assert_array_equal(ranked.parts[..., RULE_PART], np.where(at_item, np.float32(-2.0), 0))


@given(place=st.integers(1, LIST_SIZE), number=st.integers(0, ITEMS - 1))
@settings(max_examples=15)
def test_a_pinned_item_stands_at_its_place_and_the_others_keep_their_order(place: int, number: int) -> None:
    recommender, shard = SHOP
    item = f"i{number}"
    recommender.intervene(NO_INTERVENTIONS, OWN)
    before = items_of(recommender, shard)
    recommender.intervene(Interventions(pins={item: place}), OWN)
    for user, items in items_of(recommender, shard).items():
        assert items.index(item) == place - 1
        others = [each for each in before[user] if each != item]
        assert [each for each in items if each != item] == others[: LIST_SIZE - 1]
    assert popular_of(recommender).index(item) == place - 1


SHOP = shop()


def test_several_pins_stand_at_their_places() -> None:
    recommender, shard = shop()
    recommender.intervene(Interventions(pins={"i7": 3, "i3": 1, "i5": 2}), OWN)
    assert all(items[:3] == ["i3", "i5", "i7"] for items in items_of(recommender, shard).values())


def test_a_pinned_item_that_nobody_had_is_listed_without_score_and_expert() -> None:
    recommender, shard = shop()
    recommender.intervene(Interventions(pins={"brand new": 2}), OWN)
    ranked = recommender.recommend(shard, shard.users.rows_in_use(), LIST_SIZE, explain=True)
    row = recommender.vocabulary.row("brand new")
    assert (ranked.items[:, 1] == row).all()
    assert not ranked.scores[:, 1].any()
    assert (ranked.experts[:, 1] == -1).all()
    assert (ranked.because[:, 1] == -1).all()
    assert not ranked.shares[:, 1].any()


def test_nobody_gets_a_pinned_item_that_is_hidden_blocked_or_seen() -> None:
    recommender, shard = shop()
    recommender.set_shown("i1", shown=False)
    recommender.intervene(Interventions(blocked=frozenset({"i2"}), pins={"i1": 1, "i2": 2}), OWN)
    assert not {"i1", "i2"} & {item for items in items_of(recommender, shard).values() for item in items}
    recommender, shard = shop(Repeats.EXCLUDE, items=400)
    taken = recommender.vocabulary.id_of(int(shard.last_items(shard.users.row("u0"))[0]))
    recommender.intervene(Interventions(pins={taken: 1}), OWN)
    lists = items_of(recommender, shard)
    assert taken not in lists["u0"]
    assert any(items[0] == taken for items in lists.values())


def test_a_decision_about_one_user_changes_no_other_list() -> None:
    recommender, shard = shop()
    before = items_of(recommender, shard)
    first, second = before["u4"][:2]
    own: Mapping[str, Interventions] = {
        "u4": Interventions(blocked=frozenset({first}), lifts={second: -30.0}, pins={"i50": 1}),
        "a stranger": Interventions(pins={"i51": 1}),
    }
    recommender.intervene(NO_INTERVENTIONS, own)
    after = items_of(recommender, shard)
    assert after["u4"][0] == "i50"
    assert not {first, second} & set(after.pop("u4"))
    assert after == {user: items for user, items in before.items() if user != "u4"}


def test_decisions_follow_items_whose_row_others_took_meanwhile() -> None:
    recommender = Recommender(RecommenderOptions(max_items=20, repeats=Repeats.ALLOW))
    shard = recommender.new_shard()
    recommender.intervene(Interventions(blocked=frozenset({"i3"}), lifts={"i4": 25.0}), OWN)
    for seed in range(6):
        recommender.learn(shard, random_batch(seed, 400, USERS, 30))
        recommender.learn(shard, random_batch(seed, 40, USERS, 8))
        row = recommender.vocabulary.row("i4")
        ranked = recommender.recommend(shard, shard.users.rows_in_use(), LIST_SIZE, explain=True)
        lifted = ranked.parts[..., RULE_PART] > 0
        np.testing.assert_array_equal(lifted, ranked.items == row)
        assert not (ranked.items == recommender.vocabulary.row("i3"))[ranked.items >= 0].any()


@given(st.data())
def test_pins_move_all_that_is_said_of_an_item(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 6))
    length = data.draw(st.integers(0, size))
    listed = data.draw(st.permutations(range(8)))[:length]
    pins = data.draw(st.dictionaries(st.integers(0, 9), st.integers(0, 7), max_size=1))
    ranked = Ranked.empty(1, size, 2, explain=True)
    ranked.items[0, :length] = listed
    for column in (ranked.scores, ranked.experts, ranked.because):
        column[0, :length] = listed
    ranked.shares[0, :length, 1] = listed
    rows = np.array(list(pins), np.int32)
    shelf = Shelf.empty()._replace(pinned=rows, pinned_at=np.array(list(pins.values()), np.int32))
    pin_items(ranked, shelf, np.ones((1, len(pins)), np.bool_))
    expected = list(listed)
    for item, place in pins.items():
        others = [each for each in expected if each != item]
        others.insert(place, item)
        expected = others[:size] if len(others) <= size or item in others[:size] else [*others[: size - 1], item]
    assert ranked.items[0].tolist() == expected + [-1] * (size - len(expected))
    for place, item in enumerate(expected):
        is_new = item not in listed
        assert ranked.scores[0, place] == (0 if is_new else item)
        assert ranked.because[0, place] == (-1 if is_new else item)
        assert ranked.shares[0, place, 1] == (0 if is_new else item)
