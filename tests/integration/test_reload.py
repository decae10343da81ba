"""SIGHUP to a real worker: settings are read again; and what it logs meanwhile."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.event_topics import produce, topic_settings
from tests.support.live_worker import WORK_SECONDS, WorkerProcess
from tests.support.records import line
from tests.support.rig import room_for
from tests.support.waiting import wait_until
from worker.embedded.kafka_broker import KafkaBroker

SECRET = "hunter2"


def entries(folder: Path) -> list[dict[str, Any]]:
    """What was logged: one JSON object a line."""
    return [json.loads(line) for line in (folder / "worker.log").read_text("utf-8").splitlines()]


def told(folder: Path, event: str) -> list[dict[str, Any]]:
    return [entry for entry in entries(folder) if entry["event"] == event]


def test_settings_are_read_again_and_logs_are_json_without_users_or_secrets(
    kafka: KafkaBroker, redis_url: str, make_topic: Callable[..., str], tmp_path: Path
) -> None:
    topic = make_topic(partitions=1)
    file = tmp_path / "millrace.toml"
    file.write_text('[log]\nlevel = "info"\n', "utf-8")
    settings = {
        **topic_settings(kafka.bootstrap_servers, topic),
        "kafka.sasl_password": SECRET,
        "redis.url": redis_url,
        "snapshots.directory": tmp_path / "snapshots",
        "log.format": "json",
        **room_for(items=1000, users=1000),
    }
    with WorkerProcess({**settings, "config": file}, tmp_path) as worker:
        worker.wait_ready()
        assert worker.metric("ready") == 1
        assert worker.metric("snapshot_interval_seconds") == 30
        produce(kafka.bootstrap_servers, topic, [line("a-user-of-ours", "tea"), b"nonsense"])
        worker.wait_until_learned(1)
        file.write_text('[log]\nlevel = "warning"\n[lists]\nsize = 5\n[snapshots]\ninterval_seconds = 1\n', "utf-8")
        worker.send(signal.SIGHUP)
        wait_until(lambda: worker.metric("snapshot_age_seconds") < 1, WORK_SECONDS, "snapshots come each second")
        assert worker.metric("snapshot_interval_seconds") == 1
        file.write_text("[lists]\nsize = 0\n", "utf-8")
        worker.send(signal.SIGHUP)
        wait_until(lambda: told(tmp_path, "settings were not read again"), WORK_SECONDS, "the wrong one is told")
        assert "lists.size" in told(tmp_path, "settings were not read again")[0]["error"]
        assert worker.terminate() == 0
    assert told(tmp_path, "worker started")
    assert not told(tmp_path, "worker stopped"), "that is information, and warnings alone are asked for by then"
    log = (tmp_path / "worker.log").read_text("utf-8")
    assert not any(text in log for text in (SECRET, "a-user-of-ours"))
