import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.parser import text_string_to_metric_families

from worker.adapters.memory import ManualClock
from worker.events import Reject
from worker.metrics_reference import metric_names, reference
from worker.observers import Drift, Exposure, Remembered, ServedOutcome
from worker.prometheus_histogram import BulkHistogram
from worker.prometheus_observer import MOST_KINDS, SERVED_HALF_LIFE_EVENTS, PrometheusObserver

REFERENCE = Path(__file__).parents[2] / "docs" / "metrics.md"


def value(observer: PrometheusObserver, name: str, **labels: str) -> float | None:
    return observer.registry.get_sample_value(f"millrace_{name}", labels)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def observer(clock: ManualClock) -> PrometheusObserver:
    return PrometheusObserver(clock)


def test_what_was_consumed_and_rejected_is_counted(observer: PrometheusObserver) -> None:
    observer.polled(12, 0.05)
    observer.consumed(10, {Reject.NOT_JSON: 2}, 0.003)
    observer.consumed(5, {}, 0.003)
    observer.dead_letters_lost(1)
    assert value(observer, "records_polled_total") == 12
    assert value(observer, "events_consumed_total") == 15
    assert value(observer, "rejected_total", reason="not_json") == 2
    assert value(observer, "rejected_total", reason="robot") == 0
    assert value(observer, "decode_seconds_count") == 2
    assert value(observer, "dead_letters_lost_total") == 1


def test_the_lag_of_a_partition_that_went_away_is_no_longer_shown(observer: PrometheusObserver) -> None:
    observer.lagging({0: 5, 1: 7}, 1.5)
    observer.lagging({1: 6}, 0.5)
    assert value(observer, "lag_records", partition="0") is None
    assert value(observer, "lag_records", partition="1") == 6
    assert value(observer, "lag_seconds") == 0.5


def test_how_lists_spread_is_not_known_before_there_are_any(observer: PrometheusObserver) -> None:
    assert math.isnan(value(observer, "exposure_coverage_ratio") or 0.0)
    observer.exposed(Exposure(coverage=0.25, gini=0.75, head_share=0.5))
    assert value(observer, "exposure_coverage_ratio") == 0.25
    assert value(observer, "exposure_gini_ratio") == 0.75
    assert value(observer, "exposure_head_share_ratio") == 0.5


def test_durations_are_kept_by_step(observer: PrometheusObserver) -> None:
    observer.processed(100, 0.25)
    observer.learned(90, ServedOutcome(), 0.2)
    observer.ranked(8, 0.002)
    assert value(observer, "batch_seconds_sum") == 0.25
    assert value(observer, "learn_seconds_sum") == 0.2
    assert value(observer, "rank_seconds_sum") == 0.002
    assert value(observer, "events_learned_total") == 90
    assert value(observer, "lists_ranked_total") == 8


def test_published_refused_and_failed_lists_are_counted_with_their_freshness(observer: PrometheusObserver) -> None:
    observer.published(3, 1, 0.01, np.array([0.04, 0.9, 400.0]))
    observer.explored(2)
    observer.publish_failed(2)
    observer.similar_published(5, 0.02)
    observer.waiting(17)
    assert value(observer, "lists_published_total") == 3
    assert value(observer, "lists_refused_total") == 1
    assert value(observer, "explored_items_total") == 2
    assert value(observer, "lists_failed_total") == 2
    assert value(observer, "similar_published_total") == 5
    assert value(observer, "similar_seconds_sum") == 0.02
    assert value(observer, "waiting_users") == 17
    assert value(observer, "freshness_seconds_bucket", le="0.05") == 1
    assert value(observer, "freshness_seconds_bucket", le="1.0") == 2
    assert value(observer, "freshness_seconds_bucket", le="+Inf") == 3
    assert value(observer, "freshness_seconds_count") == 3


def test_the_age_of_the_snapshot_is_told_at_the_moment_of_asking(
    observer: PrometheusObserver, clock: ManualClock
) -> None:
    observer.snapshot_interval(20.0)
    clock.advance(30)
    assert value(observer, "snapshot_age_seconds") == 30
    assert value(observer, "snapshot_interval_seconds") == 20
    observer.snapshot_written(1234, 0.5)
    clock.advance(7)
    observer.snapshot_failed("disk full")
    assert value(observer, "snapshot_age_seconds") == 7
    assert value(observer, "snapshot_bytes") == 1234
    assert value(observer, "snapshot_seconds_sum") == 0.5
    assert value(observer, "snapshot_failures_total") == 1


def test_how_full_the_budgets_are_is_shown(observer: PrometheusObserver) -> None:
    observer.trained(begun=2, left_out=3, steps_dropped=4, users_skipped=5)
    observer.remembered(Remembered(items=30, items_share=0.5, users=70, users_share=0.25))
    assert (value(observer, "known_items"), value(observer, "known_users")) == (30, 70)
    assert value(observer, "sequence_trainings_total", outcome="begun") == 2
    assert value(observer, "sequence_trainings_total", outcome="left_out") == 3
    assert value(observer, "sequence_steps_dropped_total") == 4
    assert value(observer, "sequence_users_skipped_total") == 5
    assert value(observer, "memory_used_ratio", budget="items") == 0.5
    assert value(observer, "memory_used_ratio", budget="users") == 0.25


def test_partitions_and_drift_are_shown(observer: PrometheusObserver) -> None:
    observer.owned([0, 3])
    observer.topic_partitions(8)
    observer.drifted(Drift.LOG_LOSS)
    assert value(observer, "owned_partitions") == 2
    assert value(observer, "topic_partitions") == 8
    assert value(observer, "drift_total", signal="log_loss") == 1
    assert value(observer, "drift_total", signal="served_hits") == 0


def test_rates_of_served_lists_are_those_of_recent_events(observer: PrometheusObserver) -> None:
    assert value(observer, "served_hit_rate") == 0
    observer.learned(100, ServedOutcome(100, 50, 20.0, 10, 3), 0.1)
    assert value(observer, "served_hit_rate") == 0.5
    assert value(observer, "served_mrr") == pytest.approx(0.2)
    assert value(observer, "served_popular_hit_rate") == pytest.approx(0.1)
    events = 100 * SERVED_HALF_LIFE_EVENTS
    observer.learned(events, ServedOutcome(events, 0, 0.0, 0), 0.1)
    assert value(observer, "served_hit_rate") == pytest.approx(0, abs=1e-6)
    assert value(observer, "served_events_total") == events + 100
    assert value(observer, "served_hits_total") == 50
    assert value(observer, "served_reciprocal_ranks_total") == 20
    assert value(observer, "served_popular_hits_total") == 10


def test_served_lists_are_counted_by_kind_of_which_most_share_a_label(observer: PrometheusObserver) -> None:
    observer.served_kinds({"purchase": ServedOutcome(10, 4, 1.5), "view_item": ServedOutcome(30, 3, 0.5)})
    observer.served_kinds({"purchase": ServedOutcome(10, 4, 1.5)})
    assert value(observer, "served_kind_events_total", kind="purchase") == 20
    assert value(observer, "served_kind_hits_total", kind="purchase") == 8
    assert value(observer, "served_kind_reciprocal_ranks_total", kind="view_item") == 0.5
    observer.served_kinds({f"kind{number}": ServedOutcome(1) for number in range(100)})
    assert value(observer, "served_kind_events_total", kind="_other") == 100 - (MOST_KINDS - 2)
    assert value(observer, "served_kind_events_total", kind="kind99") is None
    assert value(observer, "served_hit_rate") == 0, "that is told apart, for the objective alone"


def test_kinds_that_are_known_beforehand_stand_at_0_from_the_start(clock: ManualClock) -> None:
    observer = PrometheusObserver(clock, ["purchase", "view_item"])
    for metric in ("events", "hits", "reciprocal_ranks"):
        assert value(observer, f"served_kind_{metric}_total", kind="purchase") == 0
    many = PrometheusObserver(clock, [f"kind{number}" for number in range(MOST_KINDS + 1)])
    assert value(many, "served_kind_events_total", kind="_other") == 0


def test_readiness_is_asked_for_at_each_look(observer: PrometheusObserver) -> None:
    reasons: list[str | None] = ["starting", None]
    assert value(observer, "ready") == 0
    observer.ready_when(lambda: reasons.pop(0))
    assert value(observer, "ready") == 0
    assert value(observer, "ready") == 1


def test_prometheus_can_read_the_text(observer: PrometheusObserver) -> None:
    names = {family.name for family in text_string_to_metric_families(observer.render().decode())}
    assert {"millrace_events_consumed", "millrace_freshness_seconds", "millrace_build_info"} <= names
    assert not [name for name in names if name.endswith("_created")]


def test_no_metric_is_shown_without_a_word_of_meaning(observer: PrometheusObserver) -> None:
    assert all(metric.documentation for metric in observer.registry.collect())


def test_the_reference_names_every_metric_as_the_page_says() -> None:
    assert REFERENCE.read_text("utf-8") == reference()
    assert "millrace_rejected_total" in metric_names()
    assert all(f"`{name}`" in reference() for name in metric_names())


@given(batches=st.lists(st.lists(st.floats(0, 1000), max_size=20), max_size=5))
def test_a_bulk_histogram_equals_one_that_is_fed_value_by_value(batches: list[list[float]]) -> None:
    bounds = (0.1, 1.0, 10.0)
    bulk, single = CollectorRegistry(), CollectorRegistry()
    fed_at_once = BulkHistogram("x", "X.", bulk, bounds)
    fed_singly = Histogram("x", "X.", buckets=bounds, registry=single)
    for batch in batches:
        fed_at_once.observe(np.array(batch, np.float64))
        for each in batch:
            fed_singly.observe(each)
    for name, labels in [("x_count", {}), *(("x_bucket", {"le": le}) for le in ("0.1", "1.0", "10.0", "+Inf"))]:
        assert bulk.get_sample_value(name, labels) == single.get_sample_value(name, labels)
    assert math.isclose(bulk.get_sample_value("x_sum") or 0.0, single.get_sample_value("x_sum") or 0.0, abs_tol=1e-6)
