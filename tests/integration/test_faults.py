"""What a real worker does when its services fail, or hand it nonsense. `docs/delivery.md` says the same in words."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import redis
from kafka import KafkaAdminClient, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.admin import NewTopic

from tests.support.event_topics import produce, topic_settings
from tests.support.live_worker import WORK_SECONDS, WorkerThread
from tests.support.records import line
from tests.support.rig import room_for
from tests.support.snapshots import events_by_user, newest_offset
from tests.support.waiting import wait_until
from worker.embedded.kafka_broker import KafkaBroker
from worker.embedded.server import EmbeddedServer
from worker.embedded.valkey_server import ValkeyServer
from worker.events import POPULAR_KEY, list_key

REDIS_OUTAGE_SECONDS = 20
NOT_READY, READY = 503, 200

Settings = dict[str, Any]


@pytest.fixture
def settings(kafka: KafkaBroker, redis_url: str, make_topic: Callable[..., str], tmp_path: Path) -> Settings:
    """Of a worker on a topic of one partition, in which large records fit."""
    topic = make_topic(partitions=1, max_message_bytes="5000000")
    return {
        **topic_settings(kafka.bootstrap_servers, topic),
        "kafka.instance_id": "w-0",
        "kafka.connect_timeout_seconds": 1.0,
        "kafka.session_timeout_seconds": 6.0,
        "kafka.heartbeat_interval_seconds": 0.2,
        "redis.url": redis_url,
        "snapshots.directory": tmp_path / "snapshots",
        **room_for(items=1000, users=1000),
    }


@pytest.fixture
def feed(settings: Settings) -> Callable[..., None]:
    """Writes an event of each of these users to the topic, each of another item."""
    numbers = count()

    def write(*users: str) -> None:
        values = [line(user, f"i{next(numbers)}") for user in users]
        produce(settings["kafka.bootstrap_servers"], settings["kafka.events_topic"], values)

    return write


@contextmanager
def stopped(server: EmbeddedServer) -> Iterator[None]:
    """The server is away in the block, and back after it, on the same port."""
    server.kill()
    try:
        yield
    finally:
        server.start()


def users_with_lists(settings: Settings, users: list[str]) -> list[str]:
    with redis.Redis.from_url(settings["redis.url"]) as client:
        return [user for user in users if client.exists(list_key(user))]


def wait_for_lists(settings: Settings, users: list[str]) -> None:
    wait_until(lambda: users_with_lists(settings, users) == users, WORK_SECONDS, f"{users} have lists")


def wait_for_events(worker: WorkerThread, learned: int) -> None:
    wait_until(lambda: worker.metric("events_learned_total") >= learned, WORK_SECONDS, f"{learned} events are learned")


def wait_for_second(at: float) -> None:
    wait_until(lambda: time.monotonic() >= at, 5, "the second passes")


def wait_for_page(worker: WorkerThread, status: int, text: str) -> None:
    def found() -> bool:
        answer = worker.page("/readyz")
        return answer[0] == status and text in answer[1]

    wait_until(found, WORK_SECONDS, f"/readyz says {status} {text}")


def committed(settings: Settings, partition: int = 0) -> int | None:
    place = TopicPartition(settings["kafka.events_topic"], partition)
    with group_consumer(settings) as consumer:
        offset: int | None = consumer.committed(place)
        return offset


def create_topic(broker: KafkaBroker, name: str, partitions: int = 1) -> str:
    with KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers) as admin:
        admin.create_topics([NewTopic(name, partitions, 1)])
        admin.wait_for_topics([name])
    return name


def read_all(broker: KafkaBroker, topic: str) -> list[tuple[dict[str, str], bytes]]:
    """Headers and values of all records of partition 0."""
    place = TopicPartition(topic, 0)
    found: list[Any] = []
    with KafkaConsumer(bootstrap_servers=broker.bootstrap_servers, auto_offset_reset="earliest") as consumer:
        consumer.assign([place])
        end = consumer.end_offsets([place])[place]
        while len(found) < end:
            found += consumer.poll(timeout_ms=200).get(place, ())
    return [({name: text.decode() for name, text in record.headers}, record.value) for record in found]


def group_consumer(settings: Settings) -> KafkaConsumer:
    return KafkaConsumer(
        bootstrap_servers=settings["kafka.bootstrap_servers"],
        group_id=settings["kafka.group_id"],
        enable_auto_commit=False,
    )


def test_a_broker_that_is_absent_at_the_start_is_waited_for(
    kafka: KafkaBroker, settings: Settings, feed: Callable[..., None]
) -> None:
    feed("ann", "ben")
    with stopped(kafka):
        worker = WorkerThread(settings).start()
        wait_for_page(worker, NOT_READY, f"waiting for Kafka: Kafka at {kafka.bootstrap_servers} does not serve us")
        assert worker.page("/livez") == (200, "ok")
    with closing(worker):
        wait_for_page(worker, READY, "ok")
        worker.wait_until_learned(2)
        wait_for_lists(settings, ["ann", "ben"])


def test_a_broker_that_is_away_for_a_while_is_waited_for(
    kafka: KafkaBroker, settings: Settings, feed: Callable[..., None]
) -> None:
    feed("ann")
    with WorkerThread(settings) as worker:
        worker.wait_until_learned(1)
        with stopped(kafka):
            rounds = worker.metric("poll_seconds_count")
            wait_until(lambda: worker.metric("poll_seconds_count") > rounds + 20, WORK_SECONDS, "rounds go on")
            assert worker.page("/livez") == worker.page("/readyz") == (READY, "ok")
        feed("ben")
        worker.wait_until_learned(2)
    assert committed(settings) == newest_offset(settings) == 2


def test_without_redis_at_the_start_it_learns_and_publishes_when_redis_comes(
    valkey: ValkeyServer, settings: Settings, feed: Callable[..., None]
) -> None:
    with stopped(valkey):
        worker = WorkerThread(settings).start()
        wait_for_page(worker, NOT_READY, "Redis does not take lists")
        feed("ann", "ben")
        wait_for_events(worker, 2)
        assert worker.metric("waiting_users") == 2
        assert worker.page("/livez") == (200, "ok")
    with closing(worker):
        wait_for_lists(settings, ["ann", "ben"])
        wait_for_page(worker, READY, "ok")


def test_a_redis_that_is_lost_for_20_seconds_and_comes_back_empty_gets_the_lists_of_all_who_moved(
    valkey: ValkeyServer, settings: Settings, feed: Callable[..., None]
) -> None:
    moved = [f"u{number}" for number in range(REDIS_OUTAGE_SECONDS)]
    with WorkerThread(settings) as worker:
        feed("before")
        worker.wait_until_learned(1)
        with stopped(valkey):
            began = time.monotonic()
            for second, user in enumerate(moved, start=1):
                feed(user)
                wait_for_events(worker, 1 + second)
                wait_for_second(began + second)
            assert worker.page("/readyz") == (NOT_READY, "Redis does not take lists")
            assert worker.metric("waiting_users") == len(moved)
            assert worker.metric("lists_failed_total") > 0
        wait_for_lists(settings, moved)
        wait_for_page(worker, READY, "ok")
        feed("before")
        wait_for_lists(settings, ["before", *moved])
        with redis.Redis.from_url(settings["redis.url"]) as client:
            wait_until(lambda: client.exists(POPULAR_KEY), WORK_SECONDS, "the popular list is back")


def test_poison_between_good_records_is_counted_parked_and_passed(kafka: KafkaBroker, settings: Settings) -> None:
    poison = {"not_json": b"{]", "not_utf8": b'{"user_id": "\xff"}', "too_large": b" " * 2_000_000}
    values = [line("ann", "i1"), poison["not_json"], None, poison["not_utf8"], line("ben", "i2")]
    values += [poison["too_large"], line("cem", "i3")]
    produce(kafka.bootstrap_servers, settings["kafka.events_topic"], values, max_request_size=5_000_000)
    dead_letters = create_topic(kafka, settings["kafka.dead_letter_topic"])
    with WorkerThread(settings) as worker:
        worker.wait_until_learned(3)
        assert worker.counts("rejected_total", "reason") == dict.fromkeys([*poison, "null_value"], 1)
        assert worker.metric("dead_letters_lost_total") == 0
        wait_for_lists(settings, ["ann", "ben", "cem"])
    assert committed(settings) == 7
    parked = {headers["reason"]: (headers, value) for headers, value in read_all(kafka, dead_letters)}
    assert {reason: headers["source.offset"] for reason, (headers, _) in parked.items()} == {
        "not_json": "1",
        "null_value": "2",
        "not_utf8": "3",
        "too_large": "5",
    }
    assert all(headers["source.topic"] == settings["kafka.events_topic"] for headers, _ in parked.values())
    assert parked["not_utf8"][1] == poison["not_utf8"]
    assert parked["too_large"][0]["truncated"] == "2000000"


def test_a_worker_to_whom_the_group_gives_nothing_is_ready_and_takes_over_when_the_other_ends(
    settings: Settings, feed: Callable[..., None]
) -> None:
    settings["kafka.instance_id"] = None
    spare = WorkerThread(settings)
    with WorkerThread(settings) as worker:
        wait_for_page(worker, READY, "ok")
        spare.start()
        wait_for_page(spare, READY, "ok")
        feed("ann")
        wait_until(lambda: worker.metric("events_learned_total") + spare.metric("events_learned_total"), 30, "an event")
        first, second = (worker, spare) if worker.metric("owned_partitions") else (spare, worker)
        assert (first.metric("owned_partitions"), second.metric("owned_partitions")) == (1, 0)
    with closing(spare):
        feed("ben")
        wait_for_lists(settings, ["ann", "ben"])
    assert events_by_user(settings) == {"ann": 1, "ben": 1}


def test_a_restart_goes_on_from_the_snapshot_whatever_the_group_committed(
    settings: Settings, feed: Callable[..., None]
) -> None:
    settings["kafka.instance_id"] = None  # it leaves the group, so that others may commit
    place = TopicPartition(settings["kafka.events_topic"], 0)
    feed("ann", "ben")
    with WorkerThread(settings) as worker:
        worker.wait_until_learned(2)
    assert committed(settings) == newest_offset(settings) == 2
    for elsewhere, user in ((0, "cem"), (3, "dan")):
        feed(user)
        with group_consumer(settings) as consumer:
            consumer.commit({place: OffsetAndMetadata(elsewhere, "", -1)})
        with WorkerThread(settings) as worker:
            worker.wait_until_learned(1)
            wait_for_lists(settings, [user])
    assert events_by_user(settings) == dict.fromkeys(["ann", "ben", "cem", "dan"], 1)


def test_partitions_move_to_a_second_worker_and_back_and_every_event_is_learned_once(
    kafka: KafkaBroker, settings: Settings
) -> None:
    topic = create_topic(kafka, f"{settings['kafka.events_topic']}.shared", partitions=4)
    settings |= {"kafka.events_topic": topic, "kafka.instance_id": None, "snapshots.interval_seconds": 1.0}
    users = [[f"u{number}-{partition}" for number in range(5)] for partition in range(4)]
    rounds = count()

    def shared_as(*partitions: int) -> bool:
        """Feeds an event of every user, whoever owns what by now."""
        item = f"i{next(rounds)}"
        for partition, own in enumerate(users):
            produce(kafka.bootstrap_servers, topic, [line(user, item) for user in own], partition=partition)
        return [worker.metric("owned_partitions") for worker in workers] == list(partitions)

    def saved() -> list[int]:
        """How many events of each partition the snapshots hold; lag is not asked, as it is known a fetch late."""
        return [newest_offset(settings, partition) for partition in range(4)]

    with WorkerThread(settings) as first:
        workers = [first]
        wait_until(lambda: shared_as(4), WORK_SECONDS, "the first has all")
        with WorkerThread(settings) as second:
            workers.append(second)
            wait_until(lambda: shared_as(2, 2), WORK_SECONDS, "they share")
        workers.remove(second)
        wait_until(lambda: shared_as(4), WORK_SECONDS, "the first has all again")
        fed = next(rounds)
        wait_until(lambda: saved() == [5 * fed] * 4, WORK_SECONDS, "all is learned and saved")
    everyone = [user for own in users for user in own]
    assert events_by_user(settings, partitions=4) == dict.fromkeys(everyone, fed)
    assert users_with_lists(settings, everyone) == everyone
