"""The served evaluation without services: what clients read, what is lost, when it counts, and the options."""

import io
import json
import math
import re
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from models.batch import Interactions
from producers.choices import EventTimes
from producers.columns import EventColumns
from producers.pacing import Pace
from tests.support.served import doubtful_replay
from worker.adapters.memory import MemoryLists
from worker.budgets import max_users
from worker.cli import app
from worker.commands.evaluate_served import ServedOptions, intervals, print_served
from worker.errors import ConfigurationError, ServiceUnavailable
from worker.events import Reason, RecommendationList, position_text
from worker.observers import ServedOutcome
from worker.served.figures import loss_percent, served_figures, validity_figures
from worker.served.plan import LIST_SIZE
from worker.served.reading import Reads, ReadThenSend, Source
from worker.served.run_settings import as_columns, run_settings
from worker.served.times import gap_seconds, late_seconds, planned_seconds
from worker.served.watch import Watch
from worker.settings import load

pytestmark = pytest.mark.usefixtures("no_settings_from_outside")

FUTURE_MS = 1 << 45


class PublishingSink:
    """Where events go; publishes, as they arrive, the lists that were laid ready for them."""

    def __init__(self, lists: MemoryLists, ready: Sequence[dict[str, Any]]) -> None:
        self.events: list[tuple[str, str]] = []
        self._lists = lists
        self._ready = list(ready)

    def write(self, events: EventColumns) -> None:
        self.events += zip(events.user_ids, events.item_ids, strict=True)
        for user, content in (self._ready.pop(0) if self._ready else {}).items():
            if user == "":
                self._lists.publish_popular(content)
            else:
                self._lists.publish({user: content})

    def flush(self) -> None:
        """Nothing waits."""


def list_of(*items: str, generated_at: int = FUTURE_MS, offset: int = 1) -> RecommendationList:
    scores = [1.0] * len(items)
    return RecommendationList(position_text(1, offset), [*items], scores, [Reason("x")] * len(items), "m", generated_at)


def stream_of(*pairs: str) -> Interactions:
    """Events like `ux`: user u, item x."""
    return Interactions.of([pair[0] for pair in pairs], [pair[1] for pair in pairs], np.arange(len(pairs)) * 1000)


def reads_of(stream: Interactions, *ready: dict[str, Any]) -> Reads:
    """What clients read when, after each event, the lists in `ready` were published; "" = the popular list."""
    lists = MemoryLists()
    client = ReadThenSend(lists, PublishingSink(lists, ready), len(stream))
    client.write(as_columns(stream))
    return client.reads


def test_a_list_is_read_before_its_event_is_sent() -> None:
    """The list that names x right after x was sent came too late for it."""
    reads = reads_of(stream_of("ux", "uy", "ux"), {"u": list_of("x")}, {"u": list_of("z", "x", offset=2)})
    assert reads.ranks.tolist() == [math.inf, math.inf, 2.0]
    assert reads.sources.tolist() == [Source.NONE, Source.OWN, Source.OWN]


def test_a_user_without_a_list_is_shown_the_popular_one() -> None:
    reads = reads_of(stream_of("ux", "vx", "ux"), {"": list_of("x")}, {"u": list_of("y", "x")})
    assert reads.ranks.tolist() == [math.inf, 1.0, 2.0]
    assert reads.sources.tolist() == [Source.NONE, Source.POPULAR, Source.OWN]


def test_a_list_from_before_the_users_last_event_is_outdated() -> None:
    """The first event of a user finds nothing outdated; afterwards the popular list is no substitute."""
    reads = reads_of(
        stream_of("ux", "ux", "ux", "vx", "ux"),
        {},
        {"u": list_of("x", generated_at=1)},
        {"u": list_of("x", offset=2)},
    )
    assert reads.outdated.tolist() == [False, True, True, False, False]


def test_all_events_are_sent_in_order_one_by_one() -> None:
    lists = MemoryLists()
    sink = PublishingSink(lists, ())
    stream = stream_of("ux", "vy", "ux")
    client = ReadThenSend(lists, sink, len(stream))
    events = as_columns(stream)
    client.write(events.part(0, 2))
    client.write(events.part(2, 3))
    assert sink.events == [("u", "x"), ("v", "y"), ("u", "x")]
    assert client.sent_events == 3
    assert np.diff(client.reads.sent_seconds).min() >= 0


def test_an_unanswered_look_ends_the_replay() -> None:
    lists = MemoryLists()
    lists.available = False
    client = ReadThenSend(lists, PublishingSink(lists, ()), 1)
    with pytest.raises(ServiceUnavailable):
        client.write(as_columns(stream_of("ux")))
    assert client.sent_events == 0


def test_served_figures_are_those_of_the_scored_events_by_the_offline_measures() -> None:
    reads = Reads.empty(4)
    reads.ranks[:] = [1, 15, np.inf, 2]
    reads.sources[:] = [Source.OWN, Source.OWN, Source.POPULAR, Source.NONE]
    reads.outdated[:] = [False, True, False, True]
    scored = np.array([True, True, True, False])
    figures = served_figures(reads, np.ones(4, np.float32), scored)
    assert figures["hr_at_10"] == pytest.approx(1 / 3)
    assert figures["hr_at_20"] == pytest.approx(2 / 3)
    assert figures["mrr_at_20"] == pytest.approx((1 + 1 / 15) / 3)
    assert figures["loss_percent"]["hr_at_20"] == pytest.approx(100 / 3)
    assert (figures["own_list"], figures["popular_list"], figures["no_list"]) == pytest.approx((2 / 3, 1 / 3, 0))
    assert figures["outdated"] == pytest.approx(1 / 3)


@given(st.lists(st.sampled_from([1.0, 7.0, 20.0, 21.0, math.inf]), min_size=1))
def test_lists_that_rank_as_the_ideal_lose_nothing(ranks: list[float]) -> None:
    reads = Reads.empty(len(ranks))
    reads.ranks[:] = ranks
    figures = served_figures(reads, reads.ranks, np.ones(len(ranks), np.bool_))
    losses = [*figures["loss_percent"].values(), *chain(*figures["loss_interval_percent"].values())]
    assert all(math.isnan(loss) or abs(loss) < 1e-9 for loss in losses)


def test_a_loss_lies_in_its_interval() -> None:
    reads = Reads.empty(1000)
    reads.ranks[::3] = 1
    figures = served_figures(reads, np.ones(1000, np.float32), np.ones(1000, np.bool_))
    low, high = figures["loss_interval_percent"]["hr_at_20"]
    assert low < figures["loss_percent"]["hr_at_20"] < high


def test_losses_are_percent_of_the_ideal_and_may_be_gains() -> None:
    assert loss_percent(0.5, 0.4) == pytest.approx(20)
    assert loss_percent(0.5, 0.6) == pytest.approx(-20)
    assert math.isnan(loss_percent(0.0, 0.0))
    assert math.isnan(loss_percent(math.nan, math.nan))


def test_events_are_due_at_a_rate_or_at_a_multiple_of_their_own_speed() -> None:
    times_ms = np.array([0, 60_000, 60_000, 180_000])
    assert planned_seconds(Pace(rate=2), times_ms).round(3).tolist() == [0, 0.5, 1, 1.5]
    assert planned_seconds(Pace(speed=60), times_ms).round(3).tolist() == [0, 1, 1, 3]


def test_lateness_counts_from_the_first_event() -> None:
    planned = np.array([0.0, 1.0, 2.0])
    assert late_seconds(np.array([7.0, 8.5, 9.0]), planned).tolist() == [0.0, 0.5, 0.0]


def test_gaps_lie_between_events_of_one_user() -> None:
    gaps = gap_seconds(["u", "v", "u", "u"], np.array([0.0, 1.0, 3.0, 3.5]))
    assert gaps.tolist()[2:] == [3.0, 0.5]
    assert np.isnan(gaps[:2]).all()


def watched(sent_seconds: float) -> tuple[Watch, Reads]:
    """A worker that learned two events, in two batches, that were sent `sent_seconds` after the first one."""
    watch, reads = Watch(1), Reads.empty(2)
    for _ in range(2):
        watch.learned(1, ServedOutcome(), 0.0)
        watch.processed(1, 0.0)
    now = float(watch.learned_after_seconds(np.zeros(2))[1])  # the monotonic time of the second batch
    reads.sent_seconds[:] = [now, now + sent_seconds]
    return watch, reads


def test_a_pace_is_held_when_events_are_sent_on_time() -> None:
    watch, reads = watched(sent_seconds=0.5)
    assert validity_figures(reads, np.array([0.0, 0.45]), watch)["pace_held"]
    late = validity_figures(reads, np.array([0.0, 0.2]), watch)
    assert not late["pace_held"]
    assert late["late_seconds"]["longest"] == pytest.approx(0.3)


def test_a_worker_that_learns_long_after_the_sending_does_not_keep_up() -> None:
    watch, reads = watched(sent_seconds=0.0)
    assert validity_figures(reads, np.zeros(2), watch)["kept_up"]
    reads.sent_seconds[:] -= 5
    figures = validity_figures(reads, np.zeros(2), watch)
    assert not figures["kept_up"]
    assert figures["learned_after_seconds"]["p50"] == pytest.approx(5, abs=0.1)


def test_a_worker_that_ends_before_it_is_ready_says_why() -> None:
    watch = Watch(2)
    watch.owned([0])
    with pytest.raises(ServiceUnavailable, match="did not get its partitions"):
        watch.wait_until_ready(0.0)
    watch.over(ValueError("no luck"))
    assert watch.ended.is_set()
    with pytest.raises(ServiceUnavailable, match="it failed: no luck"):
        watch.wait_until_ready(0.0)


def test_a_worker_that_owns_all_partitions_is_ready() -> None:
    watch = Watch(2)
    watch.owned([0, 1])
    watch.wait_until_ready(0.0)


def test_a_replay_has_places_of_its_own_and_turns_no_event_away(tmp_path: Any) -> None:
    given_settings = load(overrides={"memory.users_bytes": 1, "lists.size": 5, "learning.repeats": "allow"})
    settings = run_settings(given_settings, stream_of("ux", "vy", "wx"), "trial", tmp_path, 0.0)
    assert (settings.kafka.events_topic, settings.kafka.group_id, settings.redis.key_prefix) == ("trial",) * 3
    assert settings.snapshots.directory == tmp_path / "trial"
    assert settings.refresh.coalesce_seconds == 0
    assert settings.lists.size == LIST_SIZE == 20
    assert max_users(settings) == 3
    assert settings.memory.items_bytes == given_settings.memory.items_bytes
    assert not any(settings.clean.model_dump().values())
    assert settings.events.kinds == {"view_item": 1.0}
    assert settings.learning == given_settings.learning


def test_kinds_weigh_what_they_weigh_in_the_stream(tmp_path: Any) -> None:
    stream = Interactions(["u", "u"], ["x", "y"], np.zeros(2, np.int64), np.array([1, 0.5], np.float32), ["buy", ""])
    assert as_columns(stream).kinds == ["buy", "view_item"]
    assert run_settings(load(), stream, "t", tmp_path, 1.0).events.kinds == {"buy": 1.0, "view_item": 0.5}


def test_a_plan_follows_from_the_options() -> None:
    plan = ServedOptions(True, None, None, None).plan()
    assert plan is not None
    assert list(plan.refresh_seconds) == [0, 0.25, 1, 10]
    assert plan.pace == Pace(rate=100, times=EventTimes.ORIGINAL)
    other = ServedOptions(True, "2", None, 60.0).plan()
    assert other is not None
    assert (other.pace.speed, other.pace.rate, other.refresh_seconds) == (60.0, None, (2.0,))
    assert ServedOptions(False, None, None, None).plan() is None


@pytest.mark.parametrize("text", ["", "a", "-1", "1,,2", "inf", "nan"])
def test_what_is_no_interval_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="no intervals"):
        intervals(text)


def test_intervals_are_taken_once_each_in_the_order_given() -> None:
    assert intervals("1, 0.25,1.0,0") == (1.0, 0.25, 0.0)


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (["--rate", "5"], "a pace or interval without a replay"),
        (["--refresh-intervals", "1"], "a pace or interval without a replay"),
        (["--served", "--rate", "5", "--speed", "2"], "both a speed and a rate"),
        (["--served", "--rate", "0"], "--rate is 0"),
    ],
)
def test_options_that_make_no_sense_are_refused_before_the_file_is_read(arguments: list[str], cause: str) -> None:
    error = CliRunner().invoke(app, ["evaluate", "none.parquet", *arguments]).exception
    assert isinstance(error, ConfigurationError)
    assert cause in str(error)


def test_the_table_says_what_was_lost_and_what_casts_doubt_on_it() -> None:
    console = Console(file=io.StringIO(), width=100)
    print_served(console, json.loads(json.dumps(doubtful_replay())))
    assert isinstance(console.file, io.StringIO)
    printed = console.file.getvalue()
    (line,) = (line for line in printed.splitlines() if line.startswith(" 0.25 s"))
    assert re.split(" {2,}", line.strip()) == [
        "0.25 s",
        "0.1500",
        "0.0500",
        "25.0 (20.5 to 29.5)",
        "0.0 (-1.0 to 1.0)",
        "50 %",
        "2.500 s",
    ]
    assert "Replayed at 100 events/s: 60.0 s for each interval; half of the scored events come within 0.1 s" in printed
    assert "Interval 0.25 s: the pace was not held: p99 of events 2.50 s late, 80 events/s" in printed
    assert "Interval 0.25 s: the worker did not keep up: events were learned after up to 2.50 s" in printed
    assert "Interval 0.25 s: the worker turned away 3 events that the ideal learned" in printed
