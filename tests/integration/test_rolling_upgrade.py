"""An upgrade as Kubernetes makes it: pods are replaced one after the other, while events come and readers read."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import redis

from tests.support.event_topics import produce, topic_settings
from tests.support.live_worker import START_SECONDS, WORK_SECONDS, WorkerProcess
from tests.support.records import line
from tests.support.rig import room_for
from tests.support.snapshots import events_by_user, newest_offset
from tests.support.waiting import wait_until
from worker.embedded.kafka_broker import KafkaBroker
from worker.events import list_key

PARTITIONS, USERS = 4, 5
PAUSE_SECONDS = 0.2


class Feed:
    """Writes an event of each user, again and again, and looks whether each who had a list has one."""

    def __init__(self, bootstrap_servers: str, topic: str, redis_url: str) -> None:
        self.users = [[f"u{number}-{partition}" for number in range(USERS)] for partition in range(PARTITIONS)]
        self.rounds = 0
        self.missing: set[str] = set()
        self._servers, self._topic, self._redis_url = bootstrap_servers, topic, redis_url
        self._stopping = Event()
        self._had: set[str] = set()

    @property
    def everyone(self) -> list[str]:
        return [user for own in self.users for user in own]

    @contextmanager
    def running(self) -> Iterator[None]:
        """In the block."""
        thread = Thread(target=self._run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            thread.join(WORK_SECONDS)

    def _run(self) -> None:
        with redis.Redis.from_url(self._redis_url) as client:
            while not self._stopping.wait(PAUSE_SECONDS):
                for partition, own in enumerate(self.users):
                    lines = [line(user, f"i{self.rounds}") for user in own]
                    produce(self._servers, self._topic, lines, partition=partition)
                self.rounds += 1
                have = {user for user in self.everyone if client.exists(list_key(user))}
                self.missing |= self._had - have
                self._had |= have


def test_pods_are_replaced_one_by_one_no_partition_moves_no_event_is_lost_and_no_list_goes_missing(
    kafka: KafkaBroker, redis_url: str, make_topic: Callable[..., str], tmp_path: Path
) -> None:
    topic = make_topic(partitions=PARTITIONS)
    settings: dict[str, Any] = {
        **topic_settings(kafka.bootstrap_servers, topic),
        "kafka.partitions": PARTITIONS,
        "kafka.session_timeout_seconds": 120.0,
        "redis.url": redis_url,
        "snapshots.directory": tmp_path / "snapshots",
        "snapshots.interval_seconds": 1.0,
        **room_for(items=1000, users=1000),
    }
    feed = Feed(kafka.bootstrap_servers, topic, redis_url)

    def pod(name: str) -> WorkerProcess:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        return WorkerProcess({**settings, "kafka.instance_id": name}, folder)

    with ExitStack() as stack:
        with feed.running():
            pods = {name: stack.enter_context(pod(name)) for name in ("worker-0", "worker-1")}
            wait_until(lambda: sorted(map(len, owned(pods))) == [2, 2], WORK_SECONDS, "they share")
            before = owned(pods)
            for name in reversed(pods):
                assert pods[name].terminate() == 0
                pods[name] = stack.enter_context(pod(name))
                wait_until(
                    lambda: owned(pods) == before, START_SECONDS, "the new pod has the partitions of the old one"
                )
                pods[name].wait_ready()
            replaced = feed.rounds
            wait_until(lambda: feed.rounds > replaced + 3, WORK_SECONDS, "events come after the upgrade too")
        wait_until(lambda: saved(settings) == [USERS * feed.rounds] * 4, WORK_SECONDS, "all is learned and saved")
        assert [worker.terminate() for worker in pods.values()] == [0, 0]
    assert events_by_user(settings, partitions=PARTITIONS) == dict.fromkeys(feed.everyone, feed.rounds)
    assert feed.missing == set()


def owned(pods: dict[str, WorkerProcess]) -> list[list[int]]:
    return [worker.owned_partitions() for worker in pods.values()]


def saved(settings: dict[str, Any]) -> list[int]:
    """How many events of each partition the snapshots hold."""
    return [newest_offset(settings, partition) for partition in range(PARTITIONS)]
