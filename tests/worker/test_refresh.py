"""Who is refreshed next, and with how much of the worker's time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.batch import Int32s, Int64s
from worker.refresh import MOST_SAVED_SECONDS, DirtyUsers, RefreshBudget

COALESCE_SECONDS = 0.25

EVENTS = st.lists(st.tuples(st.integers(-1, 9), st.integers(0, 10_000)), max_size=30)


def rows_of(*rows: int) -> Int32s:
    return np.array(rows, np.int32)


def times_of(*times_ms: int) -> Int64s:
    return np.array(times_ms, np.int64)


def test_the_first_event_that_a_list_does_not_show_counts() -> None:
    dirty = DirtyUsers()
    dirty.mark(rows_of(3, 3, 5), times_of(70, 80, 90), capacity=10)
    dirty.mark(rows_of(3), times_of(100), capacity=10)
    assert (dirty.since_ms[3], dirty.since_ms[5], len(dirty)) == (70, 90, 2)


def test_users_who_were_forgotten_are_passed_over() -> None:
    dirty = DirtyUsers()
    dirty.mark(rows_of(-1, 2), times_of(5, 6), capacity=3)
    assert dirty.due(0.0, COALESCE_SECONDS).tolist() == [2]


def test_a_record_without_a_time_still_makes_its_user_dirty() -> None:
    dirty = DirtyUsers()
    dirty.mark(rows_of(0), times_of(0), capacity=1)
    assert len(dirty) == 1


def test_a_user_is_due_again_only_after_the_coalescing_interval() -> None:
    dirty = DirtyUsers()
    dirty.mark(rows_of(1), times_of(5), capacity=4)
    assert dirty.due(10.0, COALESCE_SECONDS).tolist() == [1]
    assert dirty.refreshed(rows_of(1), 10.0).tolist() == [5]
    assert dirty.due(20.0, COALESCE_SECONDS).tolist() == []
    dirty.mark(rows_of(1), times_of(7), capacity=4)
    assert dirty.due(10.24, COALESCE_SECONDS).tolist() == []
    assert dirty.due(10.25, COALESCE_SECONDS).tolist() == [1]


def test_without_an_interval_a_user_is_due_with_every_event() -> None:
    dirty = DirtyUsers()
    for time_ms in (5, 6):
        dirty.mark(rows_of(1), times_of(time_ms), capacity=4)
        assert dirty.due(10.0, 0.0).tolist() == [1]
        assert dirty.refreshed(rows_of(1), 10.0).tolist() == [time_ms]
        assert dirty.due(10.0, 0.0).tolist() == []


def test_in_a_hurry_everyone_is_due() -> None:
    dirty = DirtyUsers()
    dirty.mark(rows_of(1), times_of(5), capacity=4)
    dirty.refreshed(rows_of(1), 10.0)
    dirty.mark(rows_of(1), times_of(6), capacity=4)
    dirty.hurry()
    assert dirty.due(10.0, COALESCE_SECONDS).tolist() == [1]


def test_lists_that_became_wrong_do_not_hide_an_older_event() -> None:
    dirty = DirtyUsers()
    dirty.mark(rows_of(1), times_of(5), capacity=4)
    dirty.mark_rows(np.array([1, 2]), 50, capacity=4)
    assert (dirty.since_ms[1], dirty.since_ms[2]) == (5, 50)


def test_after_an_eviction_only_users_who_are_left_are_dirty() -> None:
    dirty = DirtyUsers()
    dirty.mark(rows_of(0, 1, 2), times_of(5, 6, 7), capacity=4)
    dirty.forget_all_but(rows_of(1, 3))
    assert dirty.since_ms.tolist() == [0, 6, 0, 0]


def test_growing_keeps_who_is_dirty() -> None:
    dirty = DirtyUsers()
    dirty.mark(rows_of(1), times_of(5), capacity=2)
    dirty.mark(rows_of(900), times_of(6), capacity=1000)
    assert dirty.due(0.0, COALESCE_SECONDS).tolist() == [1, 900]


@given(batches=st.lists(EVENTS, max_size=5), cut=st.integers(1, 10))
def test_batches_that_are_cut_differently_make_the_same_users_dirty(
    batches: list[list[tuple[int, int]]], cut: int
) -> None:
    whole, cut_up = DirtyUsers(), DirtyUsers()
    for batch in batches:
        whole.mark(rows_of(*[row for row, _ in batch]), times_of(*[time for _, time in batch]), capacity=10)
    events = [event for batch in batches for event in batch]
    for start in range(0, len(events), cut):
        part = events[start : start + cut]
        cut_up.mark(rows_of(*[row for row, _ in part]), times_of(*[time for _, time in part]), capacity=10)
    expected = {row: max(time, 1) for row, time in reversed(events) if row >= 0}
    for dirty in (whole, cut_up):
        assert {int(row): int(dirty.since_ms[row]) for row in dirty.due(0.0, COALESCE_SECONDS)} == expected


@given(events=EVENTS)
def test_who_is_dirty_survives_a_snapshot(events: list[tuple[int, int]]) -> None:
    dirty, restored = DirtyUsers(), DirtyUsers()
    dirty.mark(rows_of(*[row for row, _ in events]), times_of(*[time for _, time in events]), capacity=10)
    restored.load_state(dirty.state(), capacity=20)
    assert restored.since_ms[:10].tolist() == (dirty.since_ms.tolist() or [0] * 10)
    assert restored.due(0.0, COALESCE_SECONDS).tolist() == dirty.due(0.0, COALESCE_SECONDS).tolist()


@pytest.mark.parametrize("rows", [[4], [-1]])
def test_a_snapshot_with_rows_beyond_the_shard_is_refused(rows: list[int]) -> None:
    with pytest.raises(ValueError, match=r"rows 0\.\.3"):
        DirtyUsers().load_state({"rows": np.array(rows), "since_ms": np.array([1])}, capacity=4)


@given(
    share=st.floats(0.05, 1.0),
    worked=st.lists(st.floats(0.0, 0.2), min_size=1, max_size=50),
)
def test_refreshing_takes_at_most_its_share_of_the_time(share: float, worked: list[float]) -> None:
    budget, refreshed = RefreshBudget(share), 0.0
    for seconds in worked:
        budget.worked(seconds)
        if budget.seconds > 0:
            refreshed += budget.seconds
            budget.spent(budget.seconds)
    assert refreshed <= share * (sum(worked) + refreshed) + 1e-6


def test_what_refreshing_took_too_much_is_owed() -> None:
    budget = RefreshBudget(0.5)
    budget.worked(0.1)
    budget.spent(0.4)
    assert budget.seconds == pytest.approx(-0.3)
    budget.worked(0.2)
    assert budget.seconds == pytest.approx(-0.1)


def test_time_is_not_saved_up_for_ever() -> None:
    budget = RefreshBudget(0.5)
    budget.worked(3600.0)
    assert budget.seconds == MOST_SAVED_SECONDS


def test_a_share_of_one_sets_no_limit() -> None:
    budget = RefreshBudget(1.0)
    budget.worked(0.0)
    assert budget.seconds == 0.0
    budget.worked(1e-6)
    assert budget.seconds == MOST_SAVED_SECONDS
