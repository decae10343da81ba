"""The real command: embedded services and ones that run already, Ctrl-C, and nothing left behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import redis
from kafka import KafkaAdminClient

from tests.support.processes import is_alive
from tests.support.waiting import wait_until
from worker.embedded.kafka_broker import KafkaBroker
from worker.events import POPULAR_KEY

ROOT = Path(__file__).parents[2]
START_SECONDS = 120.0  # with a cold compiler, on a busy machine
END_SECONDS = 30.0
GONE_SECONDS = 5.0
KEYS = {
    "events_consumed",
    "events_rejected",
    "rejected_by_reason",
    "errors",
    "lists_published",
    "freshness_seconds",
    "served_hit_rate_at_20",
    "popular_hit_rate_at_20",
    "served_events",
    "seconds",
    "first_list_seconds",
    "machine",
}


@contextmanager
def demo(folder: Path, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """The command with --json, whose temporary files lie in the folder."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MILLRACE_")}
    command = [sys.executable, "-m", "worker", "demo", "--json", *arguments]
    variables = clean | environment | {"TMPDIR": str(folder)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=variables
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def await_line(process: subprocess.Popen[str], text: str) -> str:
    """Reads the command's progress up to a line with this text, and returns that."""
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if text in line:
            return line
    pytest.fail(f"no line with {text!r} in {seen}")


def summary(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a command that ended well printed."""
    output, errors = process.communicate(timeout=START_SECONDS + END_SECONDS)
    assert process.returncode == 0, errors
    result: dict[str, Any] = json.loads(output)
    return result


def events_per_second(console: str) -> float:
    """What the overview says."""
    return float(httpx.get(f"{console}../v1/overview?once=true").json()["total"]["events_per_second"])


@pytest.mark.kafka
@pytest.mark.redis
def test_the_demo_runs_until_ctrl_c_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with demo(tmp_path) as process:
        console = await_line(process, "Console: ").split()[-1]
        await_line(process, "lists (")
        await_line(process, "lists (")
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) == 6, children  # two servers and the API, each with its guardian
        assert "<title>Millrace</title>" in httpx.get(console).text
        wait_until(lambda: events_per_second(console) > 100, 60, "the console shows that events flow")
        process.send_signal(signal.SIGINT)
        figures = summary(process)
    assert figures.keys() >= KEYS
    assert figures["errors"] == 0
    assert figures["events_consumed"] > 1000
    assert figures["lists_published"] > 500
    assert 0 < figures["freshness_seconds"]["p50"] <= figures["freshness_seconds"]["p99"]
    assert figures["served_events"] > 0
    assert not [child for child in children if is_alive(child.pid)]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.kafka
@pytest.mark.redis
def test_a_demo_that_is_killed_takes_everything_with_it(tmp_path: Path) -> None:
    with demo(tmp_path) as process:
        await_line(process, "Starting the worker")
        children = psutil.Process(process.pid).children(recursive=True)
        assert children
        process.kill()
        process.wait(END_SECONDS)
        wait_until(lambda: not any(is_alive(child.pid) for child in children), END_SECONDS, f"the end of {children}")
    wait_until(lambda: not list(tmp_path.iterdir()), GONE_SECONDS, "the end of the temporary folders")


def test_on_services_that_run_already_the_demo_takes_its_own_away(
    kafka: KafkaBroker, redis_url: str, tmp_path: Path
) -> None:
    addresses = {"MILLRACE_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "MILLRACE_REDIS__URL": redis_url}
    with (
        redis.Redis.from_url(redis_url) as client,
        KafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers) as admin,
    ):
        before = set(admin.list_topics())
        with demo(tmp_path, "--seconds", "3", **addresses) as process:
            figures = summary(process)
        assert figures["lists_published"] > 0
        assert set(admin.list_topics()) - {"__consumer_offsets"} == before - {"__consumer_offsets"}
        assert client.dbsize() == 0


def test_a_shops_lists_are_not_overwritten(kafka: KafkaBroker, redis_url: str, tmp_path: Path) -> None:
    popular = {"position": "", "items": ["x"], "scores": [1], "reasons": [{"expert": "x"}], "model": "m"}
    with redis.Redis.from_url(redis_url) as client:
        client.set(POPULAR_KEY, json.dumps(popular | {"generated_at": 1}))
        addresses = {"MILLRACE_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "MILLRACE_REDIS__URL": redis_url}
        with demo(tmp_path, **addresses) as process:
            _, errors = process.communicate(timeout=START_SECONDS)
        assert process.returncode == 2
        assert "holds a shop's lists" in errors
        assert client.keys() == [POPULAR_KEY.encode()]


def test_one_address_alone_is_refused(tmp_path: Path) -> None:
    with demo(tmp_path, MILLRACE_REDIS__URL="redis://127.0.0.1:1") as process:
        _, errors = process.communicate(timeout=START_SECONDS)
    assert process.returncode == 2
    assert "the settings name Redis only" in errors
