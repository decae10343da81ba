from collections import Counter
from itertools import islice, pairwise

import numpy as np
import pytest

from producers.simulate import START_MS, Simulation, simulate_columns
from worker.errors import ConfigurationError

EVENTS, USERS, ITEMS = 60_000, 1_000, 500


def test_the_same_seed_gives_the_same_events_and_another_one_others() -> None:
    first, second = simulate_columns(5000, USERS, ITEMS, seed=3), simulate_columns(5000, USERS, ITEMS, seed=3)
    assert first[:2] == second[:2]
    assert first[2].tolist() == second[2].tolist()
    assert first[3] == second[3]
    assert simulate_columns(5000, USERS, ITEMS, seed=4)[1] != first[1]


@pytest.mark.parametrize("events", [0, 1, 17, 4000])
def test_fewer_events_are_the_beginning_of_more(events: int) -> None:
    users, items, times, kinds = simulate_columns(events, USERS, ITEMS)
    more = simulate_columns(20_000, USERS, ITEMS)
    assert len(users) == len(items) == len(times) == len(kinds) == events
    assert (users, items, times.tolist(), kinds) == (
        more[0][:events], more[1][:events], more[2][:events].tolist(), more[3][:events],
    )  # fmt: skip


def test_times_rise_from_the_start_on_over_blocks() -> None:
    times = np.concatenate([block.times_ms for block in islice(Simulation(USERS, ITEMS), 5)])
    assert times[0] >= START_MS
    assert (np.diff(times) >= 0).all()


def test_every_item_of_an_event_is_in_the_catalogue_with_title_and_category() -> None:
    catalogue = Simulation(USERS, ITEMS).catalogue()
    assert len({item.item_id for item in catalogue}) == len({item.title for item in catalogue}) == ITEMS
    assert all(item.title and item.category and item.price for item in catalogue)
    assert set(simulate_columns(EVENTS, USERS, ITEMS)[1]) <= {item.item_id for item in catalogue}


def test_what_is_bought_was_in_the_cart_just_before_or_was_bought_before() -> None:
    users, items, _, kinds = simulate_columns(EVENTS, USERS, ITEMS)
    carted: set[tuple[str, str]] = set()
    bought: set[tuple[str, str]] = set()
    repeats = 0
    for user, item, kind in zip(users, items, kinds, strict=True):
        if kind == "purchase":
            assert (user, item) in carted | bought
            repeats += (user, item) in bought
            bought.add((user, item))
        elif kind == "add_to_cart":
            carted.add((user, item))
    assert repeats > 100


def test_users_have_tastes_that_drift() -> None:
    users, items, _, _ = simulate_columns(EVENTS, 200, ITEMS)
    category = {item.item_id: item.category for item in Simulation(200, ITEMS).catalogue()}
    user = Counter(users).most_common(1)[0][0]
    own = [category[item] for u, item in zip(users, items, strict=True) if u == user]
    early, late = Counter(own[: len(own) // 4]), Counter(own[-len(own) // 4 :])
    assert early.most_common(1)[0][1] > 2 * len(own) / 4 / len(set(category.values()))
    assert early.most_common(1)[0][0] != late.most_common(1)[0][0]


def test_popularity_is_skewed_and_moves_and_new_items_appear() -> None:
    _, items, _, _ = simulate_columns(120_000, USERS, ITEMS)
    early, late = Counter(items[:20_000]), Counter(items[-20_000:])
    assert sum(count for _, count in early.most_common(ITEMS // 10)) > 20_000 * 0.25
    assert {item for item, _ in early.most_common(20)} != {item for item, _ in late.most_common(20)}
    assert len(set(late) - set(early)) > ITEMS * 0.05


def test_sessions_follow_items_with_their_neighbours() -> None:
    users, items, times, _ = simulate_columns(EVENTS, USERS, ITEMS)
    last: dict[str, tuple[str, int]] = {}
    follows: Counter[tuple[str, str]] = Counter()
    for user, item, time in zip(users, items, times.tolist(), strict=True):
        if user in last and time - last[user][1] < 600_000 and last[user][0] != item:
            follows[last[user][0], item] += 1
        last[user] = item, time
    top_item = Counter(first for first, _ in follows.elements()).most_common(1)[0][0]
    after = sorted((count for (first, _), count in follows.items() if first == top_item), reverse=True)
    assert after[0] > 0.25 * sum(after)


@pytest.mark.parametrize(("users", "items"), [(1, 1), (1, 3), (3, 17)])
def test_a_tiny_shop_works(users: int, items: int) -> None:
    user_ids, item_ids, times, _ = simulate_columns(3000, users, items)
    assert len(set(user_ids)) <= users
    assert len(set(item_ids)) <= items
    assert all(a <= b for a, b in pairwise(times.tolist()))


def test_an_empty_shop_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        Simulation(0, 5)
