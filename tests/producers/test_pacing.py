from threading import Event

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.choices import EventTimes
from producers.pacing import Pace, Schedule, SystemClock
from tests.support.events import ToldClock
from worker.errors import ConfigurationError

NOW = 1_000_000.0
NOW_MS = 1_000_000_000


def planned(pace: Pace, *batches: list[int], last_ms: int = 0) -> tuple[list[float], list[int]]:
    """Due seconds after the start, and new times, of all batches."""
    schedule = Schedule(pace, ToldClock(NOW), last_ms)
    plans = [schedule.plan(np.array(batch, dtype=np.int64)) for batch in batches]
    due = np.concatenate([plan[0] for plan in plans])
    times = np.concatenate([plan[1] for plan in plans])
    return (due - NOW).round(6).tolist(), times.tolist()


def test_at_a_rate_events_are_evenly_spread() -> None:
    due, times = planned(Pace(rate=10), [7, 8, 9], [10])
    assert due == [0.0, 0.1, 0.2, 0.3]
    assert times == [NOW_MS, NOW_MS + 100, NOW_MS + 200, NOW_MS + 300]


def test_at_a_rate_a_basket_shares_the_time_of_its_first_event_also_over_batches() -> None:
    due, times = planned(Pace(rate=10), [7, 7, 8, 8], [8, 9])
    assert due == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert times == [NOW_MS, NOW_MS, NOW_MS + 200, NOW_MS + 200, NOW_MS + 200, NOW_MS + 500]


def test_with_speed_the_original_distances_shrink() -> None:
    due, times = planned(Pace(speed=60), [600_000, 660_000], [660_000, 720_000])
    assert due == [0.0, 1.0, 1.0, 2.0]
    assert times == [NOW_MS, NOW_MS + 1000, NOW_MS + 1000, NOW_MS + 2000]


def test_unpaced_events_are_due_at_once_and_keep_their_distances_up_to_the_last_one_now() -> None:
    due, times = planned(Pace(), [5000, 6000], [9000], last_ms=9000)
    assert due == [0.0, 0.0, 0.0]
    assert times == [NOW_MS - 4000, NOW_MS - 3000, NOW_MS]


@pytest.mark.parametrize("pace", [Pace(times=EventTimes.ORIGINAL), Pace(rate=5, times=EventTimes.ORIGINAL)])
def test_original_times_are_kept(pace: Pace) -> None:
    assert planned(pace, [5, 5], [9])[1] == [5, 5, 9]


def test_a_step_back_in_time_is_due_at_once_but_keeps_its_distance_in_time() -> None:
    due, times = planned(Pace(speed=1), [5000, 6000, 5500])
    assert due == [0.0, 1.0, 1.0]
    assert times == [NOW_MS, NOW_MS + 1000, NOW_MS + 500]


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=60).map(sorted),
    st.integers(0, 60),
    st.floats(0.5, 1000),
)
def test_a_stream_cut_anywhere_is_planned_alike(times: list[int], cut: int, rate: float) -> None:
    for pace in (Pace(rate=rate), Pace(speed=rate)):
        assert planned(pace, times[:cut], times[cut:]) == planned(pace, times)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=60).map(sorted), st.floats(0.5, 100))
def test_new_times_are_shared_exactly_by_those_that_shared_the_old_one(times: list[int], rate: float) -> None:
    due, new = planned(Pace(rate=rate), times)
    for old, time in zip(times, new, strict=True):
        assert time == new[times.index(old)]
        assert time == pytest.approx(NOW_MS + 1000 * due[times.index(old)], abs=1)
    assert due == sorted(due)
    assert new == sorted(new)


@pytest.mark.parametrize("wrong", [{"speed": 0.0}, {"rate": -1.0}, {"rate": float("nan")}, {"speed": 1.0, "rate": 1.0}])
def test_a_pace_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError):
        Pace(**wrong)  # type: ignore[arg-type]


def test_the_system_clock_waits_no_longer_than_until_it_is_stopped() -> None:
    clock, stop = SystemClock(), Event()
    stop.set()
    before = clock.now()
    clock.wait(60.0, stop)
    assert 0 <= clock.now() - before < 30
