"""Nobody's id on the health port or in the log, whatever goes wrong: of users, of items, or of what was rejected."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import redis

from producers.kafka_writer import ensure_topics, standard_topics
from tests.support.event_topics import produce, topic_settings
from tests.support.live_worker import WORK_SECONDS, WorkerProcess
from tests.support.records import line
from tests.support.rig import room_for
from tests.support.waiting import wait_until
from worker.embedded.kafka_broker import KafkaBroker
from worker.embedded.valkey_server import ValkeyServer
from worker.health import HealthServer
from worker.settings import HealthSettings, KafkaSettings, load

PRIVATE = "private"  # stands in every id, and in all else that a record holds
USER, ITEM = f"{PRIVATE}-user", f"{PRIVATE}-item"
KEY = USER.encode()
USERS, ITEMS = range(30), 12
REGULARS = USERS[15:]  # the others are forgotten by then
REASONS = {
    *("null_value", "not_json", "invalid", "not_utf8", "bad_id"),
    *("unknown_kind", "bad_time", "too_large", "duplicate", "robot"),
}
PAGES = ("/metrics", "/livez", "/readyz")
OTHER_PAGES = (f"/users/{USER}-1", f"/metrics?user={USER}-1", "/")


@dataclass
class Shop:
    """A worker whose pages are looked at again and again.

    Attributes:
        shown: all that the health port has answered.
    """

    worker: WorkerProcess
    valkey: ValkeyServer
    kafka: KafkaSettings
    log_file: Path
    shown: list[str] = field(default_factory=list)

    def feed(self, values: Sequence[bytes | None], topic: str = "") -> None:
        produce(self.kafka.bootstrap_servers or "", topic or self.kafka.events_topic, values, key=KEY)

    def look(self) -> None:
        self.shown += [self.worker.page(path)[1] for path in (*PAGES, *OTHER_PAGES)]

    def serve(self) -> None:
        """Lists stand when the regulars come again."""
        self.feed(events(0, USERS))
        self.worker.wait_until_learned(len(USERS))
        self.look()
        self.feed(events(1, REGULARS))
        self.worker.wait_until_learned(len(USERS) + len(REGULARS))
        assert self.worker.metric("served_events_total") > 0

    def reject(self) -> None:
        """More than is parked."""
        self.feed(catalogue(), self.kafka.items_topic)
        self.feed([*bad(), *events(0, USERS[:3]), *robot()])
        wait_until(lambda: self.worker.counts("rejected_total", "reason").keys() >= REASONS, WORK_SECONDS, "reasons")
        wait_until(lambda: self.worker.metric("dead_letters_lost_total") > 0, WORK_SECONDS, "some are lost")

    def refuse_keys(self) -> None:
        """Redis forbids the keys of lists for a while."""
        with redis.Redis.from_url(self.valkey.url) as client:
            client.acl_setuser("default", enabled=True, reset_keys=True, keys=["another:*"])
            self.feed(events(2, REGULARS))
            self.wait_unready()
            client.acl_setuser("default", enabled=True, keys=["*"])
        self.worker.wait_ready()

    def lose_redis(self) -> None:
        """For a while."""
        self.valkey.kill()
        self.feed(events(3, REGULARS))
        self.wait_unready()
        self.valkey.start()
        self.worker.wait_ready()

    def wait_unready(self) -> None:
        wait_until(lambda: self.worker.page("/readyz")[0] == 503, WORK_SECONDS, "lists cannot be published")
        self.look()


@pytest.fixture
def shop(kafka: KafkaBroker, topic_name: str, tmp_path: Path) -> Iterator[Shop]:
    with ValkeyServer() as valkey:
        settings: dict[str, Any] = {
            **topic_settings(kafka.bootstrap_servers, topic_name),
            "kafka.partitions": 1,
            "kafka.dead_letters_per_second": 1,
            "redis.url": valkey.url,
            "snapshots.directory": tmp_path / "snapshots",
            "snapshots.interval_seconds": 0.5,
            "events.max_record_bytes": 5000,
            "clean.max_user_events_per_minute": 10,
            "log.level": "info",
            "log.format": "json",
            **room_for(items=ITEMS - 4, users=len(USERS) - 10, partitions=1),  # some are forgotten
        }
        topics = load(overrides=settings, environment={}).kafka
        ensure_topics(topics, standard_topics(topics))
        with WorkerProcess(settings, tmp_path) as worker:
            worker.wait_ready()
            yield Shop(worker, valkey, topics, tmp_path / "worker.log")


def events(round_number: int, users: range) -> list[bytes]:
    """One of each user; they differ from round to round."""
    return [
        line(
            f"{USER}-{user}",
            f"{ITEM}-{(user + round_number) % ITEMS}",
            event_id=f"{PRIVATE}-event-{round_number}-{user}",
            session_id=f"{PRIVATE}-session",
            context={"note": f"{PRIVATE}-note"},
        )
        for user in users
    ]


def bad() -> list[bytes | None]:
    """To be turned away, each for another reason."""
    return [
        None,
        f'{{"user_id": "{USER}"'.encode(),
        f'{{"user_id": "{USER}", "item_id": 7}}'.encode(),
        f'{{"user_id": "{USER}\xff"}}'.encode("latin-1"),
        line(USER * 30, ITEM),
        line(USER, f"{ITEM}\n"),
        line(USER, ITEM, f"{PRIVATE}-kind"),
        line(USER, ITEM, ts=1),
        line(USER, ITEM, context={PRIVATE: PRIVATE * 1000}),
    ]


def robot() -> list[bytes]:
    return [line(f"{PRIVATE}-robot", f"{ITEM}-{number}") for number in range(20)]


def catalogue() -> list[bytes | None]:
    """An item, one that cannot be read, and one that is gone."""
    good: dict[str, object] = {"item_id": ITEM, "title": PRIVATE, "category": PRIVATE}
    return [json.dumps(good).encode(), json.dumps(good | {"price": PRIVATE}).encode(), None]


def test_every_page_of_the_health_port_is_looked_at() -> None:
    health = HealthServer(HealthSettings(), lambda: b"", lambda: None, lambda: None)
    assert health._pages.keys() == set(PAGES), "the next test has to ask for a new page as well"


def test_no_page_and_no_line_of_the_log_has_an_id(shop: Shop) -> None:
    for what in (shop.serve, shop.reject, shop.refuse_keys, shop.lose_redis):
        what()
        shop.look()
    assert shop.worker.terminate() == 0
    log = shop.log_file.read_text("utf-8").splitlines()
    told = {json.loads(entry)["event"] for entry in log}
    assert told >= {
        "partitions taken over",
        "dead letters were lost",
        "lists cannot be published now; learning goes on",
    }
    assert "millrace_rejected_total" in shop.shown[0]
    assert [page for page in shop.shown if PRIVATE in page] == []
    assert [entry for entry in log if PRIVATE in entry] == []
