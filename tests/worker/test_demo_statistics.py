"""What the demo gathers: counts, rates, quantiles, in memory that does not grow."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tasks import in_threads
from worker.demo.durations import LONGEST_SECONDS, SHORTEST_SECONDS, Durations
from worker.demo.statistics import HISTORY_POINTS, WINDOW_SECONDS, History, Statistics, Tally
from worker.events import Reject
from worker.observers import ServedOutcome


class ToldTime:
    """A clock that is told."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def time() -> ToldTime:
    return ToldTime()


@pytest.fixture
def statistics(time: ToldTime) -> Statistics:
    return Statistics(time)


@given(
    st.lists(st.floats(SHORTEST_SECONDS, LONGEST_SECONDS / 2), min_size=1, max_size=200),
    st.sampled_from([0.5, 0.99, 1]),
)
def test_a_quantile_is_right_to_one_percent(seconds: list[float], share: float) -> None:
    durations = Durations()
    for part in np.array_split(np.array(seconds), 3):
        durations.add(part)
    exact = float(np.quantile(seconds, share, method="inverted_cdf"))
    assert durations.quantile(share) == pytest.approx(exact, rel=0.0101)


def test_durations_beyond_the_bounds_count_at_the_bounds_and_none_is_no_quantile() -> None:
    durations = Durations()
    assert durations.quantile(0.5) is None
    durations.add(np.array([0.0, 1e9]))
    assert durations.quantile(0.5) == pytest.approx(SHORTEST_SECONDS, rel=0.02)
    assert durations.quantile(1.0) == pytest.approx(LONGEST_SECONDS, rel=0.02)


def test_events_lists_and_hits_are_counted(statistics: Statistics, time: ToldTime) -> None:
    statistics.consumed(30, Counter({Reject.DUPLICATE: 2}), 0.1)
    statistics.learned(30, ServedOutcome(events=20, hits=5, reciprocal_ranks=1.0, popular_hits=2), 0.1)
    time.seconds += 2
    statistics.consumed(10, Counter({Reject.DUPLICATE: 1, Reject.LATE: 1}), 0.1)
    statistics.published(4, 1, 0.1, np.full(4, 0.5))
    time.seconds += 1
    figures = statistics.figures()
    assert (figures.seconds, figures.events_seconds) == (3.0, 2.0)
    assert (figures.total.events, figures.total.lists) == (40, 3)
    assert figures.rejected == {"duplicate": 3, "late": 1}
    assert (figures.total.hit_rate, figures.total.popular_hit_rate) == (0.25, 0.1)
    assert figures.total.freshness.quantile(0.99) == pytest.approx(0.5, rel=0.01)
    assert statistics.first_list_at == 102.0


def test_the_recent_figures_forget(statistics: Statistics, time: ToldTime) -> None:
    for _ in range(WINDOW_SECONDS + 5):
        statistics.consumed(7, {}, 0.0)
        time.seconds += 1
    figures = statistics.figures()
    assert figures.recent.events == 7 * (WINDOW_SECONDS - 1)
    assert figures.recent_seconds == WINDOW_SECONDS - 1
    time.seconds += 100
    assert statistics.figures().recent.events == 0


def test_what_is_no_merit_is_not_scored(statistics: Statistics) -> None:
    statistics.learned(10, ServedOutcome(events=10, hits=1), 0.1)
    statistics.stop_scoring()
    statistics.learned(10, ServedOutcome(events=10, hits=10), 0.1)
    figures = statistics.figures()
    assert (figures.scoring, figures.total.served, figures.total.hits) == (False, 10, 1)


def test_each_kind_of_error_is_counted_once(statistics: Statistics) -> None:
    assert statistics.figures().errors == {}
    statistics.snapshot_failed("disk full")
    statistics.publish_failed(256)
    statistics.dead_letters_lost(3)
    statistics.published(5, 2, 0.1, np.full(5, 0.1))
    assert statistics.figures().errors == {
        "failed_snapshots": 1,
        "failed_publications": 1,
        "lost_dead_letters": 3,
        "refused_lists": 2,
    }


def test_the_snapshot_ages(statistics: Statistics, time: ToldTime) -> None:
    assert statistics.figures().snapshot_age_seconds is None
    statistics.snapshot_written(5_000_000, 0.2)
    time.seconds += 4
    figures = statistics.figures()
    assert (figures.snapshot_bytes, figures.snapshot_age_seconds) == (5_000_000, 4.0)


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=60).map(sorted))
def test_a_history_of_any_length_keeps_its_sum_in_few_points(seconds: list[int]) -> None:
    history = History()
    for second in seconds:
        history.add(second, Tally(events=1))
    points = history.points()
    assert len(points) <= HISTORY_POINTS
    assert sum(point.events for point in points) == len(seconds)
    assert points[-1].events > 0


def test_nothing_is_lost_between_threads(statistics: Statistics) -> None:
    def count() -> None:
        for _ in range(500):
            statistics.consumed(1, Counter({Reject.LATE: 1}), 0.0)
            statistics.figures()

    in_threads([count] * 4)
    figures = statistics.figures()
    assert (figures.total.events, figures.rejected) == (2000, {"late": 2000})
