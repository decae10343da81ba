"""From readings of workers' metrics to the figures that people look at: rates, quantiles, sums."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from worker.api.watch.readings import Reading

# As the gauges of the worker fade: what is older than so many events counts half.
SERVED_HALF_LIFE_EVENTS = 10_000


class Span(NamedTuple):
    """Two readings of one worker, the older first; the same one twice while there is no older one."""

    before: Reading
    now: Reading

    @property
    def seconds(self) -> float:
        return self.now.at_seconds - self.before.at_seconds

    def increase(self, name: str) -> float:
        """Of a counter."""
        return max(0.0, (self.now.value(name) or 0.0) - (self.before.value(name) or 0.0))

    @property
    def restarted(self) -> bool:
        """Whether the worker began anew in between: its counters did."""
        name = "records_polled_total"
        return (self.now.value(name) or 0.0) < (self.before.value(name) or 0.0)


class Figures(msgspec.Struct, frozen=True):
    """How one worker does, or all of them in sum. None = not known (yet).

    Attributes:
        lag_seconds, snapshot_age_seconds: of the worker that has most.
        hit_rate, popular_hit_rate: of lists that stood published, as `millrace_served_hit_rate`; over workers, weighted
            by the events behind them.
        rejected: records and events since the workers' start, by reason.
        drifts: changes that were seen since the workers' start, by signal.
        ready: whether all are.
        coverage, gini, head_share: how lists spread over the items, by `millrace_exposure_...`; over workers, the mean.
    """

    events_per_second: float | None
    lists_per_second: float | None
    rejections_per_second: float | None
    freshness_p50_seconds: float | None
    freshness_p99_seconds: float | None
    lag_records: int
    lag_seconds: float | None
    hit_rate: float | None
    popular_hit_rate: float | None
    waiting_users: int
    known_users: int
    known_items: int
    failed_lists: int
    snapshot_age_seconds: float | None
    ready: bool
    rejected: dict[str, int]
    drifts: dict[str, int]
    coverage: float | None
    gini: float | None
    head_share: float | None


def figures(spans: Sequence[Span]) -> Figures:
    """Those of these workers in sum; of one alone, its own."""
    now = [span.now for span in spans]
    freshness = _bucket_increases(spans, "freshness_seconds_bucket")
    return Figures(
        events_per_second=_rate(spans, lambda span: span.increase("events_consumed_total")),
        lists_per_second=_rate(spans, lambda span: span.increase("lists_published_total")),
        rejections_per_second=_rate(spans, _rejections),
        freshness_p50_seconds=quantile(freshness, 0.5),
        freshness_p99_seconds=quantile(freshness, 0.99),
        lag_records=round(sum(sum(each.labelled("lag_records").values()) for each in now)),
        lag_seconds=_most(now, "lag_seconds"),
        hit_rate=_served(now, "served_hit_rate"),
        popular_hit_rate=_served(now, "served_popular_hit_rate"),
        waiting_users=_total(now, "waiting_users"),
        known_users=_total(now, "known_users"),
        known_items=round(_most(now, "known_items") or 0),
        failed_lists=_total(now, "lists_failed_total"),
        snapshot_age_seconds=_most(now, "snapshot_age_seconds"),
        ready=all(each.value("ready") == 1 for each in now),
        rejected=_counts(now, "rejected_total"),
        drifts=_counts(now, "drift_total"),
        coverage=_mean(now, "exposure_coverage_ratio"),
        gini=_mean(now, "exposure_gini_ratio"),
        head_share=_mean(now, "exposure_head_share_ratio"),
    )


def quantile(buckets: Mapping[float, float], share: float) -> float | None:
    """The value that so large a share does not exceed, by straight lines within buckets, as Prometheus has it.

    `buckets` are counts of what is no more than the bound; what lies above the last finite bound counts as that.
    """
    bounds = sorted(buckets)
    total = buckets[bounds[-1]] if bounds else 0.0
    if total <= 0:
        return None
    wanted, lower, below = share * total, 0.0, 0.0
    for bound in bounds:
        if buckets[bound] >= wanted:
            inside = buckets[bound] - below
            return lower if bound == float("inf") else lower + (bound - lower) * (wanted - below) / inside
        lower, below = bound, buckets[bound]
    return lower


def _rate(spans: Iterable[Span], increase: Callable[[Span], float]) -> float | None:
    rates = [increase(span) / span.seconds for span in spans if span.seconds > 0]
    return sum(rates) if rates else None


def _rejections(span: Span) -> float:
    now, before = (sum(reading.labelled("rejected_total").values()) for reading in (span.now, span.before))
    return max(0.0, now - before)


def _bucket_increases(spans: Iterable[Span], name: str) -> dict[float, float]:
    sums: Counter[float] = Counter()
    for span in spans:
        before = span.before.labelled(name)
        for bound, count in span.now.labelled(name).items():
            sums[float(bound)] += count - before.get(bound, 0.0)  # type: ignore[assignment]  # counts, as floats
    return dict(sums)


def _served(readings: Iterable[Reading], name: str) -> float | None:
    weighted = [(reading.value(name), _served_weight(reading)) for reading in readings]
    total = sum(weight for _, weight in weighted)
    return sum(rate * weight for rate, weight in weighted if rate is not None) / total if total else None


def _served_weight(reading: Reading) -> float:
    return float(1 - 0.5 ** ((reading.value("served_events_total") or 0.0) / SERVED_HALF_LIFE_EVENTS))


def _counts(readings: Iterable[Reading], name: str) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for reading in readings:
        counts.update({label: round(value) for label, value in reading.labelled(name).items()})
    return {label: count for label, count in sorted(counts.items()) if count}


def _known(readings: Iterable[Reading], name: str) -> list[float]:
    values = (reading.value(name) for reading in readings)
    return [value for value in values if value is not None and value == value]  # nan is not known


def _most(readings: Iterable[Reading], name: str) -> float | None:
    return max(_known(readings, name), default=None)


def _mean(readings: Iterable[Reading], name: str) -> float | None:
    known = _known(readings, name)
    return sum(known) / len(known) if known else None


def _total(readings: Iterable[Reading], name: str) -> int:
    return round(sum(_known(readings, name)))
