"""From pages of metrics to rates, quantiles and sums."""

import math

import pytest

from tests.support.metrics_pages import WorkerPage
from worker.api.watch.figures import Span, figures, quantile
from worker.api.watch.readings import Reading, reading_of
from worker.observers import Drift


def read(page: WorkerPage, at_seconds: float) -> Reading:
    return reading_of(page.text(), at_seconds)


def test_rates_are_what_came_between_two_readings() -> None:
    page = WorkerPage()
    page.works(1000, late=7, lists=10)
    before = read(page, 100.0)
    page.works(300, late=3, lists=50)
    found = figures([Span(before, read(page, 110.0))])
    assert found.events_per_second == pytest.approx(30)
    assert found.lists_per_second == pytest.approx(5)
    assert found.rejections_per_second == pytest.approx(0.3)
    assert found.rejected == {"late": 10}


def test_a_single_reading_has_no_rates_and_no_freshness() -> None:
    page = WorkerPage()
    page.works(1000, lists=10)
    only = read(page, 100.0)
    found = figures([Span(only, only)])
    assert found.events_per_second is None
    assert found.freshness_p50_seconds is None


def test_freshness_is_of_the_lists_in_between() -> None:
    page = WorkerPage()
    page.works(1, lists=1000, freshness_seconds=50.0)
    before = read(page, 0.0)
    page.works(1, lists=98, freshness_seconds=0.25)
    page.works(1, lists=2, freshness_seconds=4.0)
    found = figures([Span(before, read(page, 10.0))])
    assert found.freshness_p50_seconds is not None
    assert found.freshness_p99_seconds is not None
    assert 0.2 < found.freshness_p50_seconds <= 0.3
    assert 3.0 < found.freshness_p99_seconds <= 5.0


def test_workers_add_up_and_the_worst_of_them_shows() -> None:
    one, other = WorkerPage(), WorkerPage()
    one.lags(0.5, p0=3, p1=4)
    other.lags(9.0, p2=5)
    one.knows(users=10, items=70)
    other.knows(users=20, items=60)
    one.drifts(Drift.LOG_LOSS)
    other.drifts(Drift.LOG_LOSS)
    one.clock.advance(30.0)
    spans = [Span(reading, reading) for reading in (read(one, 1.0), read(other, 1.0))]
    found = figures(spans)
    assert (found.lag_records, found.lag_seconds) == (12, 9.0)
    assert (found.known_users, found.known_items) == (30, 70)
    assert found.drifts == {"log_loss": 2}
    assert found.snapshot_age_seconds == pytest.approx(30.0)


def test_hit_rates_weigh_by_the_events_behind_them() -> None:
    much, little, none = WorkerPage(), WorkerPage(), WorkerPage()
    much.serves(900, hits=90, popular_hits=9)
    little.serves(100, hits=50, popular_hits=1)
    spans = [Span(reading, reading) for reading in (read(page, 1.0) for page in (much, little, none))]
    found = figures(spans)
    assert found.hit_rate == pytest.approx(140 / 1000, rel=0.03)
    assert found.popular_hit_rate == pytest.approx(0.01, rel=0.03)
    assert figures(spans[2:]).hit_rate is None


def test_a_counter_that_began_anew_is_noticed() -> None:
    old, new = WorkerPage(), WorkerPage()
    old.works(50)
    new.works(5)
    assert Span(read(old, 0.0), read(new, 1.0)).restarted
    assert not Span(read(new, 0.0), read(old, 1.0)).restarted


def test_a_quantile_lies_within_its_bucket() -> None:
    buckets = {0.1: 0.0, 0.2: 50.0, 0.4: 100.0, math.inf: 100.0}
    assert quantile(buckets, 0.25) == pytest.approx(0.15)
    assert quantile(buckets, 0.75) == pytest.approx(0.3)
    assert quantile({1.0: 0.0, math.inf: 4.0}, 0.5) == 1.0, "what lies above all bounds counts as the last of them"
    assert quantile({1.0: 0.0, math.inf: 0.0}, 0.5) is None
    assert quantile({}, 0.5) is None


def test_what_is_no_page_of_metrics_is_told() -> None:
    with pytest.raises(ValueError, match=r".+"):
        reading_of("<html>no metrics</html>", 0.0)
    assert reading_of("other_metric 1\n", 0.0).values == {}
