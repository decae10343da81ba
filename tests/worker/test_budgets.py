"""Budgets in bytes: the bounds that follow from them, and a whole worker with ten times more than they hold."""

from typing import Any

import pytest

from models.budget import item_cost
from models.registry import EXPERTS
from tests.support.records import NOW_MS, line
from tests.support.rig import Rig, room_for
from worker.assembly import recommender_options
from worker.bench.memory import measure_memory
from worker.budgets import items_budget_bytes, max_items, max_users, user_cost, users_budget_bytes
from worker.errors import ConfigurationError
from worker.settings import Settings, load


def settings(**overrides: Any) -> Settings:
    return load(overrides=overrides, environment={})


def test_a_budget_into_which_so_many_rows_just_fit_has_room_for_exactly_these() -> None:
    options = recommender_options(settings(**room_for(items=16, users=8)))
    assert (options.max_items, options.max_users) == (16, 8)


def test_by_default_a_worker_knows_100000_items_and_90000_users_of_each_partition() -> None:
    assert max_items(Settings()) > 100_000
    assert max_users(Settings()) > 90_000


def test_the_content_expert_takes_part_where_it_is_asked_for_and_fits_into_the_same_budget() -> None:
    options = recommender_options(settings(**{"experts.content": True}))
    assert options.experts == (*EXPERTS, "content")
    assert items_budget_bytes(options.max_items, options.experts) <= Settings().memory.items_bytes
    assert options.max_items > 65_000


def test_the_sequence_expert_takes_part_where_it_is_asked_for_and_fits_into_the_same_budget() -> None:
    assert recommender_options(Settings()).experts == EXPERTS
    options = recommender_options(settings(**{"experts.sequence": True, "experts.sequence_interval_events": 99}))
    assert (options.experts, options.sequence.interval_events) == ((*EXPERTS, "sequence"), 99)
    assert items_budget_bytes(options.max_items, options.experts) <= Settings().memory.items_bytes
    assert options.max_items > 65_000


def test_partitions_share_the_budget_of_users() -> None:
    budget_bytes = 10_000_000
    for partitions in (1, 4, 5):
        users = max_users(settings(**{"kafka.partitions": partitions, "memory.users_bytes": budget_bytes}))
        taken_bytes = users_budget_bytes(users, partitions)
        assert budget_bytes - partitions * (user_cost().row_bytes + 1) < taken_bytes <= budget_bytes


@pytest.mark.parametrize(
    ("name", "least_bytes", "bound"),
    [("items_bytes", item_cost().of(1), max_items), ("users_bytes", 8 * user_cost().of(1), max_users)],
)
def test_a_budget_without_room_for_one_row_says_how_much_is_needed(name: str, least_bytes: int, bound: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"memory.{name}: {least_bytes - 1} bytes") as caught:
        bound(settings(**{f"memory.{name}": least_bytes - 1}))
    assert str(least_bytes) in caught.value.remedy
    assert bound(settings(**{f"memory.{name}": least_bytes})) == 1


def test_a_worker_that_meets_ten_times_what_fits_forgets_and_goes_on_publishing() -> None:
    rig = Rig(room_for(items=30, users=20) | {"kafka.max_poll_records": 50})
    for number in range(2000):  # 200 users, 300 items
        rig.source.append(
            line(f"u{number // 10}", f"i{number // 20 * 3 + number % 3}", ts=NOW_MS + number), b"k", 0, NOW_MS + number
        )
    rig.run()
    shard = rig.recommender._shards[0]
    known = shard.users.ids_of(shard.users.rows_in_use().tolist())
    memory = measure_memory(rig.recommender, shard)["memory"]
    assert (memory["users"], memory["items"]) == (20, 30)
    assert memory["users_bytes"] <= rig.settings.memory.users_bytes
    assert memory["items_bytes"] <= rig.settings.memory.items_bytes
    assert all(rig.lists.lists[user].items for user in known)
    assert rig.watcher.events == 2000
    assert rig.lists.lists.keys() == set(known), "whoever was forgotten has no list either"
