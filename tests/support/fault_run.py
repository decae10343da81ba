"""A topic under load, workers on it, who watches them, and the oracle at the end."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import redis
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import NewTopic

from tests.support.event_topics import produce, topic_settings
from tests.support.forked import ForkedWorker
from tests.support.list_watch import ListWatch
from tests.support.live_worker import OtherProcess
from tests.support.load import Load
from tests.support.offset_watch import OffsetWatch
from tests.support.oracle import Verdict, judge
from tests.support.records import line
from tests.support.rig import room_for
from tests.support.snapshots import newest_offset
from tests.support.waiting import wait_until
from worker.adapters.file_snapshots import FileSnapshots
from worker.adapters.redis_lists import RedisLists
from worker.events import mark_key
from worker.manifest import highest_epochs, read_manifests
from worker.settings import load

CATCH_UP_SECONDS = 90.0
SERVE_SECONDS = 60.0
ITEMS = 300


def fault_settings(servers: str, redis_url: str, topic: str, folder: Path, **others: Any) -> dict[str, Any]:
    """Of a small worker with short sessions and frequent snapshots; `a__b=c` sets a.b.

    Nothing is cleaned: a duplicate that is turned away would hide an event that was read twice.
    """
    defaults = {
        **topic_settings(servers, topic),
        "kafka.session_timeout_seconds": 6.0,
        "kafka.heartbeat_interval_seconds": 0.2,
        "kafka.reconnect_backoff_max_seconds": 0.5,
        "kafka.connect_timeout_seconds": 2.0,
        "redis.url": redis_url,
        "snapshots.directory": folder / "snapshots",
        "snapshots.interval_seconds": 1.0,
        "clean.dedupe_window_events": 0,
        "clean.max_user_events_per_minute": 0,
        "learning.ranker_share": 0.02,
        "refresh.coalesce_seconds": 0.5,
        "lists.size": 10,
        "lists.popular_interval_seconds": 0.5,
        **room_for(items=1000, users=2000),
    }
    return defaults | {name.replace("__", "."): value for name, value in others.items()}


class FaultRun:
    """Feeds a new topic until `finish`, which returns the oracle's verdict; workers are w-0, w-1, ..."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        folder: Path,
        *,
        rate: float,
        partitions: int = 4,
        replicas: int = 1,
        worker: Callable[[Mapping[str, Any], Path], OtherProcess] = ForkedWorker,
    ) -> None:
        """`rate` events a second; `worker` makes a worker from settings and a folder for its log."""
        self.settings = dict(settings)
        self.partitions = range(partitions)
        self._folder = folder
        self._rate = rate
        self._replicas = replicas
        self._stack = ExitStack()
        self._worker = worker
        self._fed_besides: list[str] = []
        self.workers: dict[str, OtherProcess] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            servers, topic = self.settings["kafka.bootstrap_servers"], self.settings["kafka.events_topic"]
            with KafkaAdminClient(bootstrap_servers=servers) as admin:
                admin.create_topics([NewTopic(topic, len(self.partitions), self._replicas)])
                admin.wait_for_topics([topic])
            self.lists = stack.enter_context(ListWatch(self.settings["redis.url"], self._partition_of))
            self.offsets = stack.enter_context(OffsetWatch(self.settings, len(self.partitions)))
            load = Load(servers, topic, rate=self._rate, partitions=len(self.partitions), items=ITEMS)
            self.load = stack.enter_context(load)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self, number: int = 0, hook: Callable[[], None] | None = None, **others: Any) -> OtherProcess:
        """Starts the worker w-{number}, which goes on from its snapshots; `a__b=c` sets a.b.

        `hook` is called in its process first.
        """
        own = {name.replace("__", "."): value for name, value in others.items()}
        instance = f"w-{number}"
        settings = self.settings | {"kafka.instance_id": instance} | own
        worker = ForkedWorker(settings, self._folder, hook) if hook else self._worker(settings, self._folder)
        self._stack.enter_context(worker)
        self.workers[instance] = worker
        return worker

    def feed(self, users: Sequence[str], partition: int) -> None:
        """An event of each of these users, who are none of the load's, beside it."""
        servers, topic = self.settings["kafka.bootstrap_servers"], self.settings["kafka.events_topic"]
        produce(servers, topic, [line(user, "i1") for user in users], partition=partition)
        self._fed_besides += users

    def kill_and_start(self, number: int, **others: Any) -> float:
        """kill -9 of a worker, and its restart; seconds from the kill to the first list of the next process.

        Whatever the dead one may have sent bears an epoch that it had claimed.
        """
        killed_at = time.time()
        self.workers[f"w-{number}"].kill()
        claimed = self.epochs()
        self.start(number, **others)
        return self.serves_again(killed_at, claimed)

    def serves_again(self, since: float, epochs: Mapping[int, int]) -> float:
        """Seconds from `since` (Unix time) to the first list of a higher epoch than its partition had in `epochs`."""
        return wait_until(lambda: self.lists.first_beyond(epochs), SERVE_SECONDS, "lists are written again") - since

    def epochs(self) -> dict[int, int]:
        """How often each partition was taken over, as the snapshots have it."""
        return highest_epochs(read_manifests(FileSnapshots(self.settings["snapshots.directory"])))

    def share(self) -> list[list[int]]:
        """The partitions of each worker that was started, in the order of their names; of ended ones none."""
        return [worker.owned_partitions() for _, worker in sorted(self.workers.items())]

    def wait_for_share(self, *partitions: int, seconds: float = SERVE_SECONDS) -> None:
        """Until the workers have so many partitions, in any order, and each is read by one."""

        def shared() -> bool:
            share = self.share()
            everyone = sorted(number for own in share for number in own)
            return sorted(map(len, share)) == sorted(partitions) and everyone == list(self.partitions)

        wait_until(shared, seconds, f"the workers' shares are {partitions}")

    def ends(self) -> dict[int, int]:
        """The end of each partition's log."""
        topic = self.settings["kafka.events_topic"]
        with KafkaConsumer(bootstrap_servers=self.settings["kafka.bootstrap_servers"]) as consumer:
            found = consumer.end_offsets([TopicPartition(topic, number) for number in self.partitions])
            return {place.partition: end for place, end in found.items()}

    def finish(self, *workers: OtherProcess) -> Verdict:
        """Stops the load, lets these workers learn and publish all that is left, ends them, and judges."""
        sent = self.load.stop() + len(self._fed_besides)
        ends = self.ends()
        wait_until(lambda: self._reached(ends), CATCH_UP_SECONDS, f"snapshots hold all events, up to {ends}")
        self._publish_all_anew(workers)
        codes = [worker.terminate() for worker in workers]
        assert codes == [0] * len(workers), codes
        verdict = judge(self.settings, owners(self.settings), one_learned_all=len(self.workers) == 1)
        assert sum(ends.values()) == verdict.events == sent, "the load lost or doubled events on their way to the log"
        return replace(verdict, stale_overwrites=len(self.lists.stale), commits_ahead=len(self.offsets.ahead))

    def _reached(self, ends: Mapping[int, int]) -> bool:
        return all(newest_offset(self.settings, number) == end for number, end in ends.items())

    def _publish_all_anew(self, running: Sequence[OtherProcess]) -> None:
        """Lists were made at different times; made anew now, they show the final state, and can be compared."""
        wait_until(lambda: not any(each.metric("waiting_users") for each in running), CATCH_UP_SECONDS, "none waits")
        with redis.Redis.from_url(self.settings["redis.url"]) as client:
            client.delete(mark_key(load(overrides=self.settings, environment={}).redis.key_prefix))
        now_ms = int(time.time() * 1000)
        wait_until(lambda: self._all_newer_than(now_ms), CATCH_UP_SECONDS, "all lists are made anew")

    def _all_newer_than(self, now_ms: int) -> bool:
        loaded = load(overrides=self.settings, environment={})
        lists = RedisLists(loaded.redis, loaded.lists)
        try:
            found = [lists.read(user) for user in {*self.load.users, *self._fed_besides}]
        finally:
            lists.close()
        return all(each is not None and each.generated_at >= now_ms for each in found)

    def _partition_of(self, user: str) -> int:
        return int(user[1:]) % len(self.partitions)


def owners(settings: Mapping[str, Any]) -> dict[int, str]:
    """By partition, the worker that took it over last."""
    last: dict[int, tuple[int, str]] = {}
    for name, manifest in read_manifests(FileSnapshots(settings["snapshots.directory"])):
        for number, entry in manifest.entries().items():
            last[number] = max(last.get(number, (0, "")), (entry.epoch, name.instance))
    return {number: instance for number, (_, instance) in last.items()}
