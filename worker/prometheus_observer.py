"""What the worker does, as Prometheus metrics."""

import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import version

import numpy as np
import numpy.typing as npt
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from typing_extensions import override

from worker.events import Reject
from worker.observers import Drift, Exposure, Observer, Remembered, ServedOutcome
from worker.ports import Clock
from worker.prometheus_histogram import BulkHistogram

PREFIX = "millrace"
STEP_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
SNAPSHOT_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
# Dense around one second, the freshness that we promise.
FRESHNESS_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0)
SERVED_HALF_LIFE_EVENTS = 10_000
MOST_KINDS, OTHER_KINDS = 30, "_other"


class PrometheusObserver(Observer):
    """Counts in a registry of its own; `render` gives the text that Prometheus reads."""

    def __init__(self, clock: Clock, kinds: Iterable[str] = ()) -> None:
        """The age of the snapshot counts from now until the first one is written; `kinds` are those of events."""
        disable_created_metrics()  # type: ignore[no-untyped-call]  # they would only double the series
        self.registry = CollectorRegistry()
        self._clock = clock
        self._snapshot_at = clock.monotonic()
        self._served = DecayedOutcome()
        self._lag_partitions: set[str] = set()
        self._labelled_kinds: set[str] = set()
        self._stream_metrics()
        self._step_metrics()
        self._list_metrics()
        self._exposure_metrics()
        self._served_metrics()
        self._memory_metrics()
        self._training_metrics()
        self._drift_metrics()
        self._snapshot_metrics()
        self._build_metrics()
        self.served_kinds(dict.fromkeys(kinds, ServedOutcome()))  # shown from the start, as 0

    def ready_when(self, why_not_ready: Callable[[], str | None]) -> None:
        """From now on readiness is asked for at each look at the metrics; it may be asked from other threads."""
        self._ready.set_function(lambda: why_not_ready() is None)

    def render(self) -> bytes:
        """All metrics in the text format 0.0.4."""
        return generate_latest(self.registry)

    @override
    def polled(self, records: int, seconds: float) -> None:
        self._records.inc(records)
        self._poll.observe(seconds)

    @override
    def lagging(self, lag_records: Mapping[int, int], lag_seconds: float) -> None:
        labels = {str(partition): lag for partition, lag in lag_records.items()}
        for gone in self._lag_partitions - labels.keys():
            self._lag_records.remove(gone)
        for partition, lag in labels.items():
            self._lag_records.labels(partition).set(lag)
        self._lag_partitions = set(labels)
        self._lag_seconds.set(lag_seconds)

    @override
    def consumed(self, events: int, rejected: Mapping[Reject, int], seconds: float) -> None:
        self._events.inc(events)
        for reason, count in rejected.items():
            self._rejected.labels(reason.value).inc(count)
        self._decode.observe(seconds)

    @override
    def learned(self, events: int, served: ServedOutcome, seconds: float) -> None:
        self._learned.inc(events)
        self._learn.observe(seconds)
        self._served_events.inc(served.events)
        self._served_hits.inc(served.hits)
        self._served_reciprocal_ranks.inc(served.reciprocal_ranks)
        self._served_popular_hits.inc(served.popular_hits)
        self._explored_hits.inc(served.explored_hits)
        self._served.add(served)

    @override
    def served_kinds(self, by_kind: Mapping[str, ServedOutcome]) -> None:
        for kind, served in by_kind.items():
            label = self._kind_label(kind)
            self._kind_events.labels(label).inc(served.events)
            self._kind_hits.labels(label).inc(served.hits)
            self._kind_reciprocal_ranks.labels(label).inc(served.reciprocal_ranks)

    def _kind_label(self, kind: str) -> str:
        """The kind, of so many first ones; the others share one label, so that no setting makes series without end."""
        if len(self._labelled_kinds) < MOST_KINDS:
            self._labelled_kinds.add(kind)
        return kind if kind in self._labelled_kinds else OTHER_KINDS

    @override
    def processed(self, records: int, seconds: float) -> None:
        self._batch.observe(seconds)

    @override
    def dead_letters_lost(self, rejections: int) -> None:
        self._dead_letters_lost.inc(rejections)

    @override
    def ranked(self, lists: int, seconds: float) -> None:
        self._ranked.inc(lists)
        self._rank.observe(seconds)

    @override
    def published(self, lists: int, refused: int, seconds: float, freshness_seconds: npt.NDArray[np.float64]) -> None:
        self._published.inc(lists)
        self._refused.inc(refused)
        self._publish.observe(seconds)
        self._freshness.observe(freshness_seconds)

    @override
    def explored(self, items: int) -> None:
        self._explored.inc(items)

    @override
    def similar_published(self, items: int, seconds: float) -> None:
        self._similar_items.inc(items)
        self._similar.observe(seconds)

    @override
    def publish_failed(self, lists: int) -> None:
        self._failed.inc(lists)

    @override
    def waiting(self, users: int) -> None:
        self._waiting.set(users)

    @override
    def remembered(self, remembered: Remembered) -> None:
        self._known_items.set(remembered.items)
        self._known_users.set(remembered.users)
        self._memory_used.labels("items").set(remembered.items_share)
        self._memory_used.labels("users").set(remembered.users_share)

    @override
    def exposed(self, exposure: Exposure) -> None:
        self._coverage.set(exposure.coverage)
        self._gini.set(exposure.gini)
        self._head_share.set(exposure.head_share)

    @override
    def trained(self, begun: int, left_out: int, steps_dropped: int, users_skipped: int) -> None:
        self._trainings.labels("begun").inc(begun)
        self._trainings.labels("left_out").inc(left_out)
        self._steps_dropped.inc(steps_dropped)
        self._users_skipped.inc(users_skipped)

    @override
    def departed(self, waiting: int, left: int) -> None:
        self._departed.set(waiting)
        self._unremoved.inc(left)

    @override
    def controlled(self, rules: int, forgetting: int, waiting_seconds: float) -> None:
        self._rules.set(rules)
        self._forgetting_seconds.set(waiting_seconds)
        self._forgetting.set(forgetting)

    @override
    def snapshot_copied(self, seconds: float) -> None:
        self._snapshot_pause.observe(seconds)

    @override
    def snapshot_written(self, size_bytes: int, seconds: float) -> None:
        self._snapshot_at = self._clock.monotonic()
        self._snapshot_bytes.set(size_bytes)
        self._snapshot_seconds.observe(seconds)

    @override
    def snapshot_failed(self, cause: str) -> None:
        self._snapshot_failures.inc()

    @override
    def owned(self, partitions: Sequence[int]) -> None:
        self._owned.set(len(partitions))

    @override
    def topic_partitions(self, partitions: int) -> None:
        self._topic_partitions.set(partitions)

    @override
    def snapshot_interval(self, seconds: float) -> None:
        self._snapshot_interval.set(seconds)

    @override
    def drifted(self, drift: Drift) -> None:
        self._drift.labels(drift.value).inc()

    def _stream_metrics(self) -> None:
        self._records = self._counter("records_polled", "Records that polls returned.")
        self._events = self._counter("events_consumed", "Clean events that were decoded.")
        self._learned = self._counter("events_learned", "Events that the models learned.")
        self._rejected = Counter(
            f"{PREFIX}_rejected", "Records or events that were turned away.", ["reason"], registry=self.registry
        )
        for reason in Reject:
            self._rejected.labels(reason.value)  # shown from the start, as 0
        self._dead_letters_lost = self._counter("dead_letters_lost", "Rejections that could not be parked.")
        self._lag_records = Gauge(
            f"{PREFIX}_lag_records", "Records behind the end of the log.", ["partition"], registry=self.registry
        )
        self._lag_seconds = self._gauge("lag_seconds", "Age of the newest event that was learned.")
        self._owned = self._gauge("owned_partitions", "Partitions that are ours and restored.")
        self._topic_partitions = self._gauge(
            "topic_partitions", "Partitions of the events topic, whoever owns them; 0 while that is not known."
        )
        self._ready = self._gauge("ready", "1 while /readyz says so: events are read and lists published; else 0.")

    def _step_metrics(self) -> None:
        self._poll = self._histogram("poll_seconds", "Waiting for and fetching records, by poll.")
        self._batch = self._histogram("batch_seconds", "Decoding, cleaning and learning what one poll returned.")
        self._decode = self._histogram("decode_seconds", "Decoding and cleaning a batch.")
        self._learn = self._histogram("learn_seconds", "Learning a batch.")
        self._rank = self._histogram("rank_seconds", "Ranking a chunk of users.")
        self._publish = self._histogram("publish_seconds", "Publishing a chunk of lists.")
        self._similar = self._histogram("similar_seconds", "Finding and publishing similar items, by round.")

    def _list_metrics(self) -> None:
        self._ranked = self._counter("lists_ranked", "Lists that were made.")
        self._published = self._counter("lists_published", "Lists that became visible.")
        self._refused = self._counter("lists_refused", "Lists that were not newer than what stood there.")
        self._failed = self._counter("lists_failed", "Lists that Redis did not take; they are made again.")
        self._explored = self._counter("explored_items", "New items that published lists held for exploration.")
        self._explored_hits = self._counter("explored_hits", "Events with the new item that the user's list held.")
        self._similar_items = self._counter("similar_published", "Items whose similar items became visible.")
        self._waiting = self._gauge("waiting_users", "Users whose list is out of date.")
        self._departed = self._gauge("departed_users", "Forgotten users whose published list is still to be removed.")
        self._unremoved = self._counter("lists_unremoved", "Lists of forgotten users left to their time to live.")
        self._rules = self._gauge("rules", "Rules for lists that people made and that hold.")
        self._forgetting = self._gauge(
            "forgetting_users", "Users who asked to be forgotten and for whom there is no receipt yet."
        )
        self._forgetting_seconds = self._gauge(
            "forgetting_wait_seconds", "How long the one of them who asked first has waited."
        )
        self._freshness = BulkHistogram(
            f"{PREFIX}_freshness_seconds",
            "From an event's timestamp to the visibility of a list that reflects it.",
            self.registry,
            FRESHNESS_SECONDS,
        )

    def _exposure_metrics(self) -> None:
        self._coverage = self._gauge(
            "exposure_coverage_ratio", "Share of the known items that a published list shows; NaN without a list."
        )
        self._gini = self._gauge(
            "exposure_gini_ratio", "Gini index of how often lists show the known items: 0 = all equally often."
        )
        self._head_share = self._gauge(
            "exposure_head_share_ratio", "Share of all places on lists that the most shown 1 % of the items take."
        )
        self.exposed(Exposure(*[float("nan")] * 3))  # until there are lists

    def _served_metrics(self) -> None:
        recently = f"with a half-life of {SERVED_HALF_LIFE_EVENTS} events"
        self._served_events = self._counter("served_events", "Events whose user had a published list.")
        self._served_hits = self._counter("served_hits", "Served events with their item in the list's first 20.")
        self._served_reciprocal_ranks = self._counter("served_reciprocal_ranks", "Sum of 1/rank over the served hits.")
        self._served_popular_hits = self._counter(
            "served_popular_hits", "Served events with their item in the first 20 of the popular list."
        )
        self._gauge("served_hit_rate", f"Share of served events that were hits, {recently}.").set_function(
            lambda: self._served.hit_rate
        )
        self._gauge("served_mrr", f"Mean reciprocal rank at 20 of served events, {recently}.").set_function(
            lambda: self._served.mean_reciprocal_rank
        )
        self._gauge("served_popular_hit_rate", f"What popularity would have hit, {recently}.").set_function(
            lambda: self._served.popular_hit_rate
        )

        self._kind_events = self._by_kind("events", "Events whose user had a published list, by kind.")
        self._kind_hits = self._by_kind("hits", "Of these, those with their item in the list's first 20.")
        self._kind_reciprocal_ranks = self._by_kind("reciprocal_ranks", "Sum of 1/rank over these hits.")

    def _by_kind(self, name: str, documentation: str) -> Counter:
        return Counter(f"{PREFIX}_served_kind_{name}", documentation, ["kind"], registry=self.registry)

    def _training_metrics(self) -> None:
        self._trainings = Counter(
            f"{PREFIX}_sequence_trainings",
            "Trainings of the sequence expert that were due: begun, or left out by its budget.",
            ["outcome"],
            registry=self.registry,
        )
        for outcome in ("begun", "left_out"):
            self._trainings.labels(outcome)  # shown from the start, as 0
        self._steps_dropped = self._counter(
            "sequence_steps_dropped",
            "Steps that were not finite and only halved the learning rate.",
        )
        self._users_skipped = self._counter(
            "sequence_users_skipped", "Lists that were ranked without the sequence expert, for want of time."
        )

    def _memory_metrics(self) -> None:
        self._known_items = self._gauge("known_items", "Items that the worker knows.")
        self._known_users = self._gauge("known_users", "Users of our partitions that the worker knows.")
        self._memory_used = Gauge(
            f"{PREFIX}_memory_used_ratio",
            "Rows in use of those that the budget has room for; of users, in the fullest partition.",
            ["budget"],
            registry=self.registry,
        )
        for budget in ("items", "users"):
            self._memory_used.labels(budget)

    def _drift_metrics(self) -> None:
        self._drift = Counter(
            f"{PREFIX}_drift", "Changes that a detector saw in a signal.", ["signal"], registry=self.registry
        )
        for drift in Drift:
            self._drift.labels(drift.value)

    def _snapshot_metrics(self) -> None:
        self._gauge("snapshot_age_seconds", "Time since the last snapshot, or since the start.").set_function(
            lambda: self._clock.monotonic() - self._snapshot_at
        )
        self._snapshot_interval = self._gauge("snapshot_interval_seconds", "The setting snapshots.interval_seconds.")
        self._snapshot_bytes = self._gauge("snapshot_bytes", "Size of the last snapshot.")
        self._snapshot_seconds = Histogram(
            f"{PREFIX}_snapshot_seconds",
            "Writing a snapshot, beside the loop.",
            buckets=SNAPSHOT_SECONDS,
            registry=self.registry,
        )
        self._snapshot_pause = self._histogram("snapshot_pause_seconds", "Copying the state for a snapshot.")
        self._snapshot_failures = self._counter("snapshot_failures", "Snapshots that could not be written.")

    def _build_metrics(self) -> None:
        build = Info(f"{PREFIX}_build", "The version that runs.", registry=self.registry)
        build.info({"version": version(PREFIX), "python": platform.python_version()})
        ProcessCollector(registry=self.registry)

    def _counter(self, name: str, documentation: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", documentation, registry=self.registry)

    def _gauge(self, name: str, documentation: str) -> Gauge:
        return Gauge(f"{PREFIX}_{name}", documentation, registry=self.registry)

    def _histogram(self, name: str, documentation: str) -> Histogram:
        return Histogram(f"{PREFIX}_{name}", documentation, buckets=STEP_SECONDS, registry=self.registry)


class DecayedOutcome:
    """Served outcomes whose weight halves every `SERVED_HALF_LIFE_EVENTS` events."""

    def __init__(self) -> None:
        self._sums = np.zeros(4)  # (events, hits, reciprocal ranks, popular hits)

    def add(self, served: ServedOutcome) -> None:
        """Counts a batch; earlier ones fade by its number of events."""
        new = np.array([served.events, served.hits, served.reciprocal_ranks, served.popular_hits])
        self._sums = self._sums * 0.5 ** (served.events / SERVED_HALF_LIFE_EVENTS) + new

    @property
    def hit_rate(self) -> float:
        return self._share(1)

    @property
    def mean_reciprocal_rank(self) -> float:
        return self._share(2)

    @property
    def popular_hit_rate(self) -> float:
        return self._share(3)

    def _share(self, which: int) -> float:
        sums = self._sums
        return float(sums[which] / sums[0]) if sums[0] else 0.0
