"""A real Prometheus beside a live worker: rules and dashboard are evaluated, and an alert comes and goes."""

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from urllib.error import HTTPError

import pytest

from deploy.checks.dashboard import chosen
from tests.support.event_topics import produce, topic_settings
from tests.support.live_worker import WORK_SECONDS, WorkerThread
from tests.support.prometheus import PrometheusServer
from tests.support.records import line
from tests.support.rig import room_for
from tests.support.services import had
from tests.support.waiting import wait_until
from worker.embedded.kafka_broker import KafkaBroker
from worker.embedded.valkey_server import ValkeyServer

DASHBOARD = Path(__file__).parents[2] / "deploy" / "grafana" / "millrace.json"
ALERT_SECONDS = 60.0
OF_WORKERS = {
    "MillraceWorkerDown",
    "MillraceNoWorkers",
    "MillraceWorkerNotReady",
    "MillraceWorkerIdle",
    "MillracePartitionsUnowned",
}


def expressions() -> list[str]:
    """The dashboard's, as Grafana would ask them."""
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    asked = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    assert len(asked) > 30
    return [chosen(expression, "5s") for expression in asked]


def test_rules_and_dashboard_are_evaluated_and_an_alert_comes_with_the_fault_and_goes_with_it(
    kafka: KafkaBroker, make_topic: Callable[..., str], tmp_path: Path
) -> None:
    topic, numbers = make_topic(partitions=1), count()
    with ValkeyServer() as valkey:
        settings = {
            **topic_settings(kafka.bootstrap_servers, topic),
            "redis.url": valkey.url,
            "snapshots.directory": tmp_path / "snapshots",
            "snapshots.interval_seconds": 1.0,
            **room_for(items=2000, users=1000),
        }

        def feed() -> None:
            lines = [line(f"u{user}", f"i{next(numbers)}") for user in range(5)]
            produce(kafka.bootstrap_servers, topic, lines)

        def silent() -> list[str]:
            feed()
            return [expression for expression in expressions() if not prometheus.result(expression)]

        def state() -> str:
            feed()
            return prometheus.alert_states().get("MillraceRedisWritesFail", "none")

        with WorkerThread(settings) as worker, had(), PrometheusServer(worker.port) as prometheus:
            wait_until(lambda: silent() == [], WORK_SECONDS, "every panel has data")
            with pytest.raises(HTTPError, match="400"):
                prometheus.result("sum(")
            assert prometheus.broken_rules() == {}
            assert OF_WORKERS & prometheus.alert_states().keys() == set()
            assert state() == "none"
            valkey.kill()
            wait_until(lambda: state() == "firing", ALERT_SECONDS, "the alert fires")
            assert OF_WORKERS & prometheus.alert_states().keys() == {"MillraceWorkerNotReady"}, "Redis takes no lists"
            valkey.start()
            wait_until(lambda: state() == "none", ALERT_SECONDS, "the alert ends")
