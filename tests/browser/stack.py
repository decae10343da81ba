"""All that stands behind the console: Kafka, Valkey, a worker, the API, and a shop's events that keep coming."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from producers.kafka_writer import ensure_topics, standard_topics
from tests.support.event_topics import topic_settings
from tests.support.live_worker import ApiProcess, WorkerProcess
from tests.support.rig import room_for
from tests.support.waiting import wait_until
from worker.demo.feed import Feed
from worker.embedded.kafka_broker import KafkaBroker
from worker.embedded.valkey_server import ValkeyServer
from worker.settings import load

LEARNED_EVENTS = 1000
SEEN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Stack:
    """Where it answers.

    Attributes:
        settings: `a.b`: value, of the worker and the API.
    """

    api: ApiProcess
    settings: dict[str, Any]
    folder: Path

    @property
    def console(self) -> str:
        return f"{self.api.url}/console/"

    def post(self, *events: dict[str, Any]) -> None:
        """Events, which Kafka has when this returns."""
        httpx.post(f"{self.api.url}/v1/events", json=list(events)).raise_for_status()

    def items_of(self, user: str) -> list[str]:
        """The user's own list; empty while there is none."""
        found = httpx.get(f"{self.api.url}/v1/users/{user}/recommendations").json()
        return [item["item_id"] for item in found["items"]] if found.get("source") == "personal" else []


@contextmanager
def running_stack(
    kafka: KafkaBroker, valkey: ValkeyServer, folder: Path, rate: float, **others: Any
) -> Iterator[Stack]:
    """Runs it all, with `rate` events a second; yields once lists are there. `a__b=c` sets a.b."""
    topics = topic_settings(kafka.bootstrap_servers, f"console-{uuid.uuid4().hex[:8]}")
    of_topics = load(overrides=topics, environment={}).kafka
    ensure_topics(of_topics, standard_topics(of_topics))
    settings = {
        **topics,
        "redis.url": valkey.url,
        "snapshots.directory": folder / "snapshots",
        "snapshots.interval_seconds": 10,
        "lists.popular_interval_seconds": 0.5,
        "lists.explanations": True,
        "lists.recent_events": 10,
        "clean.max_user_events_per_minute": 0,
        **room_for(items=5000, users=5000),
        **{name.replace("__", "."): value for name, value in others.items()},
    }
    ended = threading.Event()
    with WorkerProcess(settings, folder) as worker:
        found = {"api.workers": f"http://127.0.0.1:{worker.port}/metrics"}
        with ApiProcess({**found, **settings}, folder) as api:
            worker.wait_ready()
            api.wait_ready()
            feed = Feed(of_topics, rate, ended, lambda: None).begin()
            try:
                wait_until(lambda: worker.metric("events_learned_total") > LEARNED_EVENTS, SEEN_SECONDS, "events flow")
                yield Stack(api, settings, folder)
            finally:
                ended.set()
                feed.result()
            assert api.terminate() == 0
        assert worker.terminate() == 0
