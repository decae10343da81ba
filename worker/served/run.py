"""START READING HERE: a stream goes through the whole worker, at a pace, once for each refresh interval.

The ideal ranks at every event, in process. Here a client reads the list that stands in Redis right before each event
is sent to Kafka; what that loses is the price of being asynchronous.
"""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import numpy as np

from models.accuracy import rank_metrics
from models.batch import Float64s, Interactions
from producers.columns import EventColumns
from producers.kafka_writer import KafkaWriter
from producers.replay import replay
from worker.assembly import open_lists
from worker.bench.logs import warnings_only
from worker.bench.worker_run import running_worker
from worker.offline import Evaluation
from worker.served.figures import quantiles, served_figures, validity_figures
from worker.served.plan import LIST_SIZE, Plan
from worker.served.reading import Reads, ReadThenSend
from worker.served.run_settings import as_columns
from worker.served.site import Site, opened
from worker.served.times import gap_seconds, planned_seconds
from worker.served.watch import Watch
from worker.settings import Settings
from worker.warmup import warm_up

READY_SECONDS = 60.0
CATCH_UP_SECONDS = 120.0

Progress = Callable[[int], None]


def measure_served(
    ideal: Evaluation,
    settings: Settings,
    plan: Plan,
    say: Callable[[str], None],
    progress: Progress = lambda events: None,
) -> dict[str, Any]:
    """Figures of the served lists by refresh interval, over the events that `ideal` scored, and their loss against it.

    `say` is told what comes next, `progress` how many events were replayed, over all intervals. Raises
    ConfigurationError or ServiceUnavailable when the services cannot be used, and what ends a worker.
    """
    replays = _Replays(ideal.stream, plan, progress)
    by_interval = {}
    with warnings_only(), opened(settings, say) as site:
        warm_up(settings)
        for seconds in plan.refresh_seconds:
            say(f"replaying for {replays.planned[-1]:,.0f} s, with {interval_text(seconds)}")
            reads, validity = replays.through_worker(site, seconds)
            by_interval[f"{seconds:g}"] = served_figures(reads, ideal.ranks, ideal.scored) | validity
    return {
        "pace": {"rate": plan.pace.rate, "speed": plan.pace.speed, **replays.pace_figures(ideal)},
        "list_size": LIST_SIZE,
        "scored": int(ideal.scored.sum()),
        "ideal": rank_metrics(ideal.ranks[ideal.scored]),
        "by_refresh_seconds": by_interval,
    }


def interval_text(seconds: float) -> str:
    """A refresh interval, for people."""
    return f"lists renewed every {seconds:g} s" if seconds else "lists renewed with every event"


class _Replays:
    """Replays of one stream at one pace, one after the other."""

    def __init__(self, stream: Interactions, plan: Plan, progress: Progress) -> None:
        self._stream = stream
        self._events: EventColumns = as_columns(stream)
        self._pace = plan.pace
        self._progress = progress
        self._replayed_events = 0
        self.planned: Float64s = planned_seconds(plan.pace, stream.times_ms)

    def through_worker(self, site: Site, refresh_seconds: float) -> tuple[Reads, dict[str, Any]]:
        """What clients read, and whether it counts."""
        with site.place(self._stream, refresh_seconds) as settings:
            watch = Watch(settings.kafka.partitions)
            with (
                running_worker(settings, meter=watch),
                closing(open_lists(settings)) as lists,
                KafkaWriter(settings.kafka) as writer,
            ):
                watch.wait_until_ready(READY_SECONDS)
                lists.ping()  # connects, so that the first event is not late
                client = ReadThenSend(lists, writer, len(self._events))
                replay([self._events], client, self._pace, stop=watch.ended, on_progress=self._advance, tick_seconds=0)
                watch.wait_for_events(len(self._events), CATCH_UP_SECONDS)
        return client.reads, validity_figures(client.reads, self.planned, watch)

    def pace_figures(self, ideal: Evaluation) -> dict[str, Any]:
        """How fast events and users follow each other as planned; the users' figures over the scored events."""
        seconds = float(self.planned[-1])
        gaps = gap_seconds(self._stream.users, self.planned)[ideal.scored]
        return {
            "seconds": round(seconds, 3),
            "events_per_second": round(len(self.planned) / seconds, 1) if seconds else float("nan"),
            "users_own_gap_seconds": quantiles(gaps[~np.isnan(gaps)]),
        }

    def _advance(self, events: int) -> None:
        self._replayed_events += events
        self._progress(self._replayed_events)
