"""How soon decisions hold: `python -m tests.benchmarks.bench_rules [USERS]`.

A real Kafka, a real Valkey and a worker that knows so many users, each with a list. The item that most lists show is
blocked, and the time is taken until none does; then a user is forgotten, and the time is taken until the list is gone,
and until there is a receipt. Prints JSON.
"""

import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import redis

from producers.kafka_writer import ensure_topics, standard_topics
from tests.support.event_topics import produce, topic_settings
from tests.support.live_worker import WorkerProcess
from tests.support.records import line
from tests.support.rig import room_for
from tests.support.waiting import wait_until
from worker.adapters.kafka_table import KafkaTable
from worker.control import Control
from worker.control_records import Action, ControlRecord, Forget, Rule, control_key
from worker.embedded.services import EmbeddedServices
from worker.events import list_key
from worker.machine import this_machine
from worker.settings import Settings, load

ITEMS, EVENTS_A_USER, LISTS_A_CALL = 2000, 5, 1000
LONGEST_SECONDS = 300.0
SNAPSHOT_SECONDS = 5.0


class Listed(msgspec.Struct):
    """Of a published list, what is looked at."""

    items: list[str]


class Shop:
    """The worker's outside."""

    def __init__(self, services: EmbeddedServices, users: int, folder: Path) -> None:
        self.overrides: dict[str, Any] = {
            **topic_settings(services.bootstrap_servers, "rules"),
            "kafka.partitions": 1,
            "redis.url": services.redis_url,
            "snapshots.directory": folder,
            "snapshots.interval_seconds": SNAPSHOT_SECONDS,
            "clean.max_user_events_per_minute": 0,
            **room_for(items=2 * ITEMS, users=2 * users, partitions=1),
        }
        self.settings: Settings = load(overrides=self.overrides, environment={})
        self.users = [f"u{number}" for number in range(users)]
        self._client = redis.Redis.from_url(services.redis_url)
        ensure_topics(self.settings.kafka, standard_topics(self.settings.kafka))

    def feed(self) -> None:
        """Some events of each user."""
        lines = [
            line(user, f"i{number % 20 if place == 0 else (number * 31 + place * place * 7) % ITEMS}")
            for place in range(EVENTS_A_USER)
            for number, user in enumerate(self.users)
        ]
        kafka = self.settings.kafka
        produce(kafka.bootstrap_servers or "", kafka.events_topic, lines, linger_ms=20)

    def lists(self) -> list[list[str]]:
        """The items of all that stand published."""
        keys = [list_key(user) for user in self.users]
        parts = [keys[start : start + LISTS_A_CALL] for start in range(0, len(keys), LISTS_A_CALL)]
        found = (content for part in parts for content in self._client.mget(part))
        return [msgspec.json.decode(content, type=Listed).items for content in found if content]

    def has_list(self, user: str) -> bool:
        """Whether one stands published."""
        return bool(self._client.exists(list_key(user)))

    def most_shown(self) -> tuple[str, int]:
        """An item, and in how many lists it stands."""
        shown = Counter(item for items in self.lists() for item in items)
        return shown.most_common(1)[0]

    def decide(self, record: ControlRecord) -> float:
        """Writes to the control topic; returns when Kafka had it."""
        kafka, key = self.settings.kafka, control_key(record).encode()
        produce(kafka.bootstrap_servers or "", kafka.control_topic, [msgspec.json.encode(record)], key=key)
        return time.monotonic()


def seconds_until(condition: Callable[[], bool], since: float, what: str) -> float:
    wait_until(condition, LONGEST_SECONDS, what)
    return round(time.monotonic() - since, 2)


def measured(shop: Shop, folder: Path) -> dict[str, Any]:
    """What the page at the top says."""
    with WorkerProcess(shop.overrides, folder) as worker:
        worker.wait_ready()
        shop.feed()
        wait_until(lambda: len(shop.lists()) == len(shop.users), LONGEST_SECONDS, "everyone has a list")
        wait_until(lambda: worker.metric("waiting_users") == 0, LONGEST_SECONDS, "lists are up to date")
        item, lists = shop.most_shown()
        blocked_at = shop.decide(Rule("r", Action.BLOCK, "bench", item))
        block_seconds = seconds_until(
            lambda: not any(item in items for items in shop.lists()), blocked_at, "no list shows it"
        )
        forgotten = shop.users[0]
        asked_at = shop.decide(Forget(forgotten, round(time.time() * 1000)))
        list_seconds = seconds_until(lambda: not shop.has_list(forgotten), asked_at, "the list is gone")
        control = Control(KafkaTable(shop.settings.kafka, shop.settings.kafka.control_topic))

        def has_receipt() -> bool:
            control.refresh(round(time.time() * 1000))
            progress = control.progress(forgotten)
            return progress is not None and progress.is_done

        receipt_seconds = seconds_until(has_receipt, asked_at, "there is a receipt")
        control.close()
        assert worker.terminate() == 0
    return {
        "lists_with_the_item": lists,
        "seconds_until_no_list_shows_it": block_seconds,
        "seconds_until_the_list_is_gone": list_seconds,
        "seconds_until_the_receipt": receipt_seconds,
        "snapshots_interval_seconds": SNAPSHOT_SECONDS,
    }


def main(users: int) -> None:
    """Measures and prints."""
    with EmbeddedServices() as services, tempfile.TemporaryDirectory() as folder:
        shop = Shop(services, users, Path(folder) / "snapshots")
        report = {"machine": asdict(this_machine()), "users": users, **measured(shop, Path(folder))}
    sys.stdout.write(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
