import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.curves import curve_points, fading_means, running_means


@given(st.integers(0, 3_000), st.integers(1, 300))
def test_points_are_spread_evenly_and_the_last_comes_after_all_events(events: int, most: int) -> None:
    points = curve_points(events, most)
    assert len(points) == min(events, most)
    if events:
        gaps = np.diff(points, prepend=0)
        assert points[-1] == events
        assert 1 <= gaps.min() <= gaps.max() <= gaps.min() + 1


def test_a_running_mean_is_over_all_events_so_far() -> None:
    assert running_means(np.array([1.0, 0.0, 0.0, 1.0]), np.array([1, 2, 4])).tolist() == [1.0, 0.5, 0.5]


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=200),
    st.integers(1, 40),
    st.integers(1, 50),
)
def test_a_fading_mean_is_the_one_that_each_event_updates(gains: list[float], most: int, window_events: int) -> None:
    total = weight = 0.0
    means = []
    for gain in gains:
        total, weight = gain + (1 - 1 / window_events) * total, 1 + (1 - 1 / window_events) * weight
        means.append(total / weight)
    points = curve_points(len(gains), most)
    found = fading_means(np.array(gains), points, window_events)
    assert found.tolist() == pytest.approx([means[point - 1] for point in points])


def test_a_fading_mean_follows_a_change_that_a_running_mean_hides() -> None:
    gains = np.repeat([0.0, 1.0], [50_000, 15_000])
    points = curve_points(len(gains))
    assert fading_means(gains, points, 5_000)[-1] > 0.9
    assert running_means(gains, points)[-1] < 0.25


def test_without_events_there_are_no_points() -> None:
    points = curve_points(0)
    assert len(running_means(np.zeros(0), points)) == len(fading_means(np.zeros(0), points)) == 0
