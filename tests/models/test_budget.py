"""Budgets in bytes: what a row is said to take, and what tables really take at and beyond their bounds."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from models.batch import Interactions
from models.budget import Cost, item_cost, user_cost
from models.recommender import Recommender, RecommenderOptions
from models.registry import ALL_EXPERTS, EXPERTS
from models.seen import filter_bytes, segments_within
from models.shard import SEEN_BYTES_PER_USER, ProfileShard

ROOT = Path(__file__).parents[2]
ALLOCATOR_BYTES = 24_000_000  # what Python and the C library keep for themselves
EMPTY_TABLES_BYTES = 1000  # of Python's dictionaries and lists


def test_rows_and_bytes_follow_from_each_other() -> None:
    cost = Cost(1000, 30)
    assert [cost.rows_within(budget) for budget in (999, 1029, 1030, 1059, 1060)] == [-1, 0, 1, 1, 2]
    assert cost.rows_within(cost.of(77)) == 77


@pytest.mark.parametrize("rows", [1, 1000, 1366, 2731, 6000])
@pytest.mark.parametrize("experts", [EXPERTS, ALL_EXPERTS], ids=["default", "all"])
def test_items_and_their_ids_at_the_bound_take_what_they_are_said_to_take(rows: int, experts: tuple[str, ...]) -> None:
    recommender = Recommender(RecommenderOptions(max_items=rows, experts=experts))
    for letter in "ix":  # the second time strangers knock
        recommender.vocabulary.assign([f"{letter}{number:035d}" for number in range(rows)])
    recommender.rows_for_evaluation(recommender.new_shard(), Interactions.of([], [], []))
    taken = recommender.item_bytes() + recommender.vocabulary.size_bytes()
    assert len(recommender.vocabulary) == len(recommender.vocabulary.dump()[2]) == rows
    assert 0.9 * item_cost(experts).of(rows) < taken <= item_cost(experts).of(rows) + EMPTY_TABLES_BYTES


@pytest.mark.parametrize("rows", [1, 1000, 1366, 2731, 12_000])
def test_users_their_ids_and_all_pairs_take_what_they_are_said_to_take(rows: int) -> None:
    shard = ProfileShard(rows)
    shard.users.assign([f"{number:036d}" for number in range(rows)])
    shard.make_room(10**9)
    assert 0.75 * user_cost().of(rows) < shard.size_bytes() <= user_cost().of(rows) + EMPTY_TABLES_BYTES


@pytest.mark.parametrize("users", [1, 4778, 4779, 10_000, 100_000, 1_000_000])
def test_the_seen_filter_holds_up_to_48_pairs_a_user(users: int) -> None:
    limit_bytes = SEEN_BYTES_PER_USER * users
    segments = segments_within(limit_bytes)
    assert segments == 2 or filter_bytes(segments) <= limit_bytes
    assert filter_bytes(segments + 1) > limit_bytes


def test_what_an_item_and_a_user_take_meets_the_aim() -> None:
    assert item_cost().row_bytes <= 3000
    assert user_cost().row_bytes <= 1500


def test_ten_times_what_the_budgets_hold_leaves_memory_within_them_and_lists_good() -> None:
    command = [sys.executable, "-m", "tests.support.ten_times"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=True)
    figures = json.loads(done.stdout)
    assert figures["items_met"] > 10 * figures["items_known"]
    assert figures["users_met"] > 10 * figures["users_known"]
    assert figures["items_bytes"] <= figures["items_budget_bytes"]
    assert figures["users_bytes"] <= figures["users_budget_bytes"]
    budget_bytes = figures["items_budget_bytes"] + figures["users_budget_bytes"]
    assert figures["resident_bytes"] <= 1.1 * budget_bytes + ALLOCATOR_BYTES
    assert figures["full_lists"] == 1.0
    assert figures["hits"] > 3 * figures["popular_hits"] > 0
