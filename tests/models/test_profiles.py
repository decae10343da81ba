import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.batch import Int32s, Int64s
from models.compiled import kernel
from models.profiles import (
    HISTORY_EVENTS,
    LONGEST_GAP_MS,
    NOBODY,
    Profiles,
    append_event,
    basket_size,
    gap_back,
    item_back,
    last_events,
    place_in,
    remembered,
)

HISTORIES = st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0, 0, 0, 4096])), max_size=3 * HISTORY_EVENTS)


@kernel
def append_all(profiles: Profiles, user: int, items: Int64s, times_ms: Int64s) -> None:
    for index in range(len(items)):
        append_event(profiles, user, items[index], times_ms[index], 1.0)


@kernel
def basket_of(profiles: Profiles, user: int) -> int:
    return basket_size(profiles, user)


@kernel
def read_back(profiles: Profiles, user: int, items: Int64s, gaps_ms: Int64s) -> int:
    for back in range(remembered(profiles, user)):
        items[back], gaps_ms[back] = item_back(profiles, user, back), gap_back(profiles, user, back)
    return remembered(profiles, user)


@kernel
def place(row: Int32s, item: int) -> int:
    return place_in(row, item)


@given(HISTORIES)
def test_the_ring_holds_the_last_events_newest_first(history: list[tuple[int, int]]) -> None:
    profiles = Profiles.empty(2)
    items = np.array([item for item, _ in history], np.int64)
    times_ms = np.cumsum([gap_ms for _, gap_ms in history], dtype=np.int64)
    append_all(profiles, 1, items, times_ms)
    back_items, back_gaps_ms = np.zeros(HISTORY_EVENTS, np.int64), np.zeros(HISTORY_EVENTS, np.int64)
    held = read_back(profiles, 1, back_items, back_gaps_ms)
    assert held == min(len(history), HISTORY_EVENTS)
    assert back_items[:held].tolist() == items[::-1][:held].tolist()
    assert back_gaps_ms[:held].tolist() == np.diff(times_ms, prepend=times_ms[:1])[::-1][:held].tolist()
    assert basket_of(profiles, 1) == np.count_nonzero(times_ms[::-1][:held] == times_ms[-1:])
    assert (profiles.events.tolist(), profiles.clock[0]) == ([0, len(history)], len(history))
    assert (profiles.items[0] == -1).all()


def test_the_place_in_a_list_counts_from_one() -> None:
    row = np.array([7, -2, 5, -1], np.int32)
    assert [place(row, item) for item in (7, 5, 6)] == [1, 3, 0]


@given(st.integers(1, LONGEST_GAP_MS), st.sampled_from([-1, 1]))
def test_a_gap_is_right_to_less_than_half_a_percent_and_never_none(gap_ms: int, sign: int) -> None:
    profiles, gaps_ms = Profiles.empty(1), np.zeros(2, np.int64)
    append_all(profiles, 0, np.array([1, 2]), np.array([10**10, 10**10 + sign * gap_ms]))
    read_back(profiles, 0, np.zeros(2, np.int64), gaps_ms)
    assert abs(gaps_ms[0] - sign * gap_ms) <= (0 if gap_ms <= 256 else 0.004 * gap_ms)


def test_a_gap_that_does_not_fit_counts_as_the_longest_that_does() -> None:
    profiles = Profiles.empty(1)
    append_all(profiles, 0, np.array([1, 2, 3]), np.array([0, 10**13, 0]))
    gaps_ms = np.zeros(3, np.int64)
    read_back(profiles, 0, np.zeros(3, np.int64), gaps_ms)
    assert gaps_ms.tolist() == [-LONGEST_GAP_MS - 1, LONGEST_GAP_MS + 1, 0]
    assert profiles.last_ms[0] == 0


def test_last_events_come_last_first_with_weights_and_times() -> None:
    profiles = Profiles.empty(2)
    append_all(profiles, 0, np.arange(100), 1_700_000_000_000 + 100 * np.arange(100))
    append_all(profiles, 1, np.array([7]), np.array([5_000]))
    profiles.strengths[1, 0] = 16
    items, weights, times_ms = last_events(profiles, np.array([0, 1], np.int32), 3)
    assert items.tolist() == [[99, 98, 97], [7, NOBODY, NOBODY]]
    assert weights[:, 0].tolist() == [1.0, 0.25]
    assert times_ms[0].tolist() == [1_700_000_009_900, 1_700_000_009_800, 1_700_000_009_700]
    assert times_ms[1, 0] == 5_000


def test_times_between_events_are_right_to_within_a_two_hundred_and_fiftieth() -> None:
    profiles = Profiles.empty(1)
    append_all(profiles, 0, np.zeros(3, np.int64), np.array([0, 86_400_000, 86_400_000 + 3_599_123]))
    _, _, times_ms = last_events(profiles, np.zeros(1, np.int32), 3)
    assert times_ms[0, 0] - times_ms[0, 1] == pytest.approx(3_599_123, rel=0.004)
    assert times_ms[0, 1] - times_ms[0, 2] == pytest.approx(86_400_000, rel=0.004)
