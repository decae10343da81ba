"""The bench without its services: the stream, the meter, the ratios, the rates in process, and what is printed."""

import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.recommender import Recommender
from producers.columns import EventColumns
from worker.bench.in_process import measure_in_process
from worker.bench.memory import measure_memory
from worker.bench.meter import Meter
from worker.bench.plan import TARGETS, Plan, plan
from worker.bench.raw_loop import RawRun
from worker.bench.stream import ending_now, parts, read_stream
from worker.bench.throughput import Way
from worker.commands import bench as command
from worker.errors import ConfigurationError, ServiceUnavailable
from worker.events import Reject
from worker.observers import ServedOutcome

TINY = Plan(events=500, rounds=1, learn_warmup_events=2000, learn_events=500, rank_users=300)


@pytest.fixture
def three_events(tmp_path: Path) -> Path:
    """A file that holds one event twice, and its last line first."""
    file = tmp_path / "events.jsonl"
    rows = [("b", "y", 2000), ("a", "x", 1000), ("a", "x", 1000)]
    lines = [json.dumps({"user_id": user, "item_id": item, "ts": 1_700_000_000_000 + ts}) for user, item, ts in rows]
    file.write_text("\n".join(lines) + "\n")
    return file


def distinct(events: EventColumns) -> int:
    return len(set(zip(events.user_ids, events.item_ids, events.kinds, events.times_ms.tolist(), strict=True)))


def test_a_quick_plan_measures_less_of_the_same_things() -> None:
    quick, whole = plan(None, None, quick=True), plan(None, None, quick=False)
    assert quick.paced_rates == whole.paced_rates == (1000, 5000)
    assert (quick.events, quick.rounds, quick.paced_seconds) < (whole.events, whole.rounds, whole.paced_seconds)
    assert plan(None, 7000, quick=True).events == plan(None, 7000, quick=False).events == 7000


def test_a_short_file_is_repeated_at_later_times_so_that_only_its_own_duplicates_are_duplicates(
    three_events: Path,
) -> None:
    stream = read_stream(three_events, 8)
    assert stream.events.user_ids == ["a", "a", "b"] * 2 + ["a", "a"]
    assert (np.diff(stream.events.times_ms) >= 0).all()
    assert stream.own_duplicates == len(stream.events) - distinct(stream.events) == 3
    assert (stream.file_events, stream.users, stream.items) == (3, 2, 2)


def test_a_long_file_is_cut(three_events: Path) -> None:
    stream = read_stream(three_events, 2)
    assert len(stream.events) == stream.file_events == 2
    assert stream.own_duplicates == 1


def test_the_shipped_sample_is_the_default() -> None:
    stream = read_stream(None, 1000)
    assert stream.file == "online-retail.events.parquet"
    assert set(stream.events.kinds) == {"purchase"}


def test_a_file_without_events_is_refused(tmp_path: Path) -> None:
    (tmp_path / "none.csv").write_text("user_id,item_id,ts\n")
    with pytest.raises(ConfigurationError):
        read_stream(tmp_path / "none.csv", 10)


def test_times_end_now_and_keep_their_distances(three_events: Path) -> None:
    events = read_stream(three_events, 3).events
    moved = ending_now(events)
    assert np.diff(moved.times_ms).tolist() == np.diff(events.times_ms).tolist()
    assert [len(part) for part in parts(moved, 2)] == [2, 1]


def polled(meter: Meter, events: int, rejected: int = 0) -> None:
    """What a worker tells its observers of one poll."""
    meter.polled(events, 0.5)
    meter.consumed(events - rejected, {Reject.DUPLICATE: rejected}, 0.25)
    meter.learned(events - rejected, ServedOutcome(), 0.125)
    meter.processed(events, 0.375)


def test_the_meter_counts_from_the_first_poll_that_brought_records() -> None:
    meter = Meter()
    meter.polled(0, 5.0)
    meter.processed(0, 0.0)
    polled(meter, 10, rejected=2)
    polled(meter, 5)
    assert (meter.events_seen, meter.events, meter.records, meter.rejected) == (15, 13, 15, Counter(duplicate=2))
    assert meter.seconds == {"poll": 1.0, "decode_clean": 0.5, "learn": 0.25}
    assert meter.calls == {"poll": 2, "decode_clean": 2, "learn": 2}
    assert 0.5 <= meter.run_seconds < 5.0


def test_waiting_for_events_ends_when_they_were_seen() -> None:
    meter = Meter()

    def feed() -> None:
        for _ in range(3):
            polled(meter, 10)

    feeder = threading.Thread(target=feed)
    feeder.start()
    meter.wait_for_events(30, 10.0)
    feeder.join()


def test_waiting_for_events_ends_with_the_reason_when_the_worker_fails() -> None:
    meter = Meter()
    meter.over(ValueError("no more"))
    with pytest.raises(ServiceUnavailable, match="0 of 1 events: it failed: no more"):
        meter.wait_for_events(1, 10.0)
    with pytest.raises(ServiceUnavailable, match="not within 0 s"):
        Meter().wait_for_events(1, 0.0)


def test_a_ratio_is_to_the_raw_run_just_before() -> None:
    meter = Meter()
    polled(meter, 100)
    meter.run_seconds, meter.cpu_seconds = 2.0, 1.0
    way = Way([(meter, RawRun(200, 1.0, 0.5)), (meter, RawRun(100, 1.0, 0.5))])
    assert way.ratios == [0.25, 0.5]
    assert way.ratios_by_cpu == [0.25, 0.5]
    assert way.figures()["events_per_second"] == 50


def test_rates_in_process_come_with_what_was_learned_and_how_large_it_is() -> None:
    figures, knowledge = measure_in_process(TINY, lambda text: None)
    assert figures["learn_events_per_second"] > 1000
    assert figures["rank_lists_per_second"] > 10
    assert 100 < figures["bytes_per_user"] < 1_000_000
    assert 100 < figures["bytes_per_item"] < 1_000_000
    heir = Recommender()
    heir.load(knowledge)
    assert heir.events == 2500
    assert len(heir.vocabulary) == figures["in_process"]["items"]


def test_memory_counts_every_table_once() -> None:
    recommender = Recommender()
    shard = recommender.new_shard()
    shard.users.assign(["ann"])
    recommender.vocabulary.assign(["x", "y"])
    memory = measure_memory(recommender, shard)["memory"]
    assert memory["items_bytes"] > recommender.item_bytes()
    assert memory["users_bytes"] > shard.profiles.items.nbytes + shard.profiles.gaps.nbytes
    assert (memory["users"], memory["items"]) == (1, 2)


def test_without_json_the_figures_stand_beside_their_targets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    figures: dict[str, Any] = {name: target + 1 for name, target in TARGETS.items()} | {"full_ratio": 0.1}
    figures["freshness_seconds"] = {"1000": {"p50": 0.1, "p99": 0.25}}
    figures["targets"] = {
        name: {"at_least": target, "measured": figures[name], "met": figures[name] >= target}
        for name, target in TARGETS.items()
    }
    figures["stream"] = {"events": 1000, "file": "some.parquet", "users": 10, "items": 20}
    figures["machine"] = {"processor": "A [b] c", "cores": 2, "load_average_before": [0.5]}
    monkeypatch.setenv("COLUMNS", "120")
    command._print(figures)
    shown = capsys.readouterr().out
    assert "learn events per second" in shown
    assert "at least 200,000: met" in shown
    assert "at least 0.35: MISSED" in shown
    assert "freshness at 1000 events/s  p50 0.1 s, p99 0.25 s" in shown
    assert "1,000 events of some.parquet, 10 users, 20 items; A [b] c, 2 cores" in shown
