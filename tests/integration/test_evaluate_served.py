"""`millrace evaluate --served` on real services: fresher lists are better, and nothing is left behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
from kafka import KafkaAdminClient

from tests.support.processes import is_alive
from tests.support.waiting import wait_until
from worker.embedded.kafka_broker import KafkaBroker

ROOT = Path(__file__).parents[2]
START_SECONDS = 150.0  # with a cold compiler, on a busy machine
END_SECONDS = 40.0
USERS, ITEMS, EVENTS = 20, 60, 600


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Users take turns; each goes through the items in the same order, from a place of their own."""
    path = tmp_path / "events.csv"
    rows = [
        (f"u{index % USERS}", f"i{(3 * (index % USERS) + index // USERS) % ITEMS}", index) for index in range(EVENTS)
    ]
    lines = [f"{user},{item},{1_300_000_000_000 + 1000 * index}" for user, item, index in rows]
    path.write_text("\n".join(["user_id,item_id,timestamp", *lines]))
    return path


def start(file: Path, *arguments: str, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MILLRACE_")}
    return subprocess.Popen(
        [sys.executable, "-m", "worker", "evaluate", str(file), "--served", "--json", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**clean, **environment},
    )


def figures_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    with process:
        try:
            output, errors = process.communicate(timeout=START_SECONDS + END_SECONDS)
        finally:
            process.kill()
    assert process.returncode == 0, errors
    figures: dict[str, Any] = json.loads(output)
    return figures


def test_fresher_lists_lose_less_and_the_replay_takes_its_own_away(
    kafka: KafkaBroker, redis_url: str, file: Path, tmp_path: Path
) -> None:
    addresses = {"MILLRACE_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "MILLRACE_REDIS__URL": redis_url}
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with (
        redis.Redis.from_url(redis_url) as client,
        KafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers) as admin,
    ):
        client.set("recs:v1:popular", "a shop's")
        before = set(admin.list_topics())
        options = ("--refresh-intervals", "0,30", "--rate", "150")
        figures = figures_of(start(file, *options, environment=addresses | {"TMPDIR": str(scratch)}))
        assert set(admin.list_topics()) - {"__consumer_offsets"} == before - {"__consumer_offsets"}
        assert client.keys() == [b"recs:v1:popular"]
    assert list(scratch.iterdir()) == []
    served = figures["served"]
    assert served["scored"] == figures["scored"] > EVENTS / 2
    assert served["ideal"] == {name: figures[name] for name in served["ideal"]}
    assert list(served["by_refresh_seconds"]) == ["0", "30"]
    for row in served["by_refresh_seconds"].values():
        assert row["events_rejected"] == {}
        assert row["own_list"] + row["popular_list"] + row["no_list"] == pytest.approx(1)
        assert row["seconds"] >= served["pace"]["seconds"] * 0.99
        assert row["loss_percent"]["hr_at_10"] == pytest.approx(100 * (1 - row["hr_at_10"] / figures["hr_at_10"]))
    at_once, rarely = served["by_refresh_seconds"].values()
    assert rarely["hr_at_10"] < at_once["hr_at_10"]
    assert rarely["outdated"] > at_once["outdated"]
    assert rarely["lists_published"] < at_once["lists_published"]


@pytest.mark.kafka
@pytest.mark.redis
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_replay_on_services_of_its_own_that_is_ended_leaves_nothing_behind(
    how: signal.Signals, file: Path, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = start(file, "--rate", "2", environment={"TMPDIR": str(scratch)})
    with process:
        try:
            assert process.stderr is not None
            assert any("replaying for 300 s" in line for line in process.stderr)
            children = psutil.Process(process.pid).children(recursive=True)
            assert len(children) == 4, children  # two servers, each with its guardian
            process.send_signal(how)
            process.wait(END_SECONDS)
        finally:
            process.kill()
    assert process.returncode == 130
    wait_until(lambda: not any(is_alive(child.pid) for child in children), END_SECONDS, f"the end of {children}")
    assert list(scratch.iterdir()) == []
