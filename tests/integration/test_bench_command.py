"""`millrace bench --quick` from end to end, on the services that it starts."""

import json
import os
import subprocess
import sys

import pytest


@pytest.mark.kafka
@pytest.mark.redis
@pytest.mark.usefixtures("embedded_services")
def test_a_quick_bench_measures_everything_and_prints_only_json() -> None:
    configured = {"MILLRACE_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1", "MILLRACE_REDIS__URL": "redis://127.0.0.1:1"}
    done = subprocess.run(
        [sys.executable, "-m", "worker", "bench", "--quick", "--json", "--events", "5000"],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        env=os.environ | configured,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert "configured ones are not used" in done.stderr
    for name in ("learn_only", "full", "batched", "batched_full"):
        way = figures["throughput"][name]
        assert figures[f"{name}_ratio"] > 0
        assert way["events_learned"] + sum(way["events_rejected"].values()) == 5000
        assert way["events_rejected"] == {"duplicate": figures["stream"]["own_duplicates"]}
        assert (way["lists_published"] > 0) == name.endswith("full")
    assert figures["throughput"]["batched"]["records"] < 5000 / 25
    for rate in (1000, 5000):
        fresh = figures["freshness_seconds"][str(rate)]
        assert 0 < fresh["p50"] <= fresh["p99"] <= fresh["longest"]
    positive = ("raw_records_per_second", "learn_events_per_second", "rank_lists_per_second", "bytes_per_user")
    assert all(figures[name] > 0 for name in (*positive, "bytes_per_item"))
    assert {"processor", "cores", "memory_bytes", "kafka", "java", "valkey", "load_average_before"} <= set(
        figures["machine"]
    )
