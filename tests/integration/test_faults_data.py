"""Snapshots are damaged or cannot be written, the topic is cut, grows, or is another one: what a real worker does."""

import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import NewTopic

from tests.support.event_topics import produce
from tests.support.fault_run import FaultRun, fault_settings
from tests.support.forked import ForkedWorker
from tests.support.hooks import look_for_new_partitions_often
from tests.support.live_worker import OtherProcess
from tests.support.records import line
from tests.support.snapshots import newest_offset
from tests.support.waiting import wait_until
from worker.adapters.file_snapshots import FileSnapshots
from worker.embedded.kafka_broker import KafkaBroker
from worker.manifest import Manifests, read_manifests

EVENTS_PER_SECOND = 1000.0
SEEN_SECONDS = 30.0
SMALL_FILE_BYTES = 20_000  # the log is smaller, blobs are larger
STATE_CANNOT_BE_TRUSTED = 4

pytestmark = pytest.mark.timeout(240)

Settings = dict[str, Any]
Fault = Callable[[OtherProcess, Path], AbstractContextManager[None]]


@pytest.fixture
def settings(kafka: KafkaBroker, redis_url: str, topic_name: str, tmp_path: Path) -> Settings:
    return fault_settings(kafka.bootstrap_servers, redis_url, topic_name, tmp_path)


@contextmanager
def full_disk(worker: OtherProcess, _: Path) -> Iterator[None]:
    """No file may grow beyond a few kilobytes, as on a disk that has no more."""
    before = resource.prlimit(worker.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (SMALL_FILE_BYTES, before[1]))
    yield
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def no_folder(_: OtherProcess, folder: Path) -> Iterator[None]:
    """Nothing can be written there, even by root."""
    unfinished, away = folder / "unfinished", folder.parent / "away"
    unfinished.rename(away)
    unfinished.write_bytes(b"")
    yield
    unfinished.unlink()
    away.rename(unfinished)


@pytest.mark.parametrize("fault", [full_disk, no_folder])
def test_while_snapshots_cannot_be_written_learning_goes_on_and_the_next_one_holds_all(
    settings: Settings, tmp_path: Path, fault: Fault
) -> None:
    with FaultRun(settings, tmp_path, rate=EVENTS_PER_SECOND) as run:
        worker = run.start()
        wait_for_snapshot(settings, beyond=0)
        with fault(worker, settings["snapshots.directory"]):
            failed = worker.metric("snapshot_failures_total")
            wait_until(lambda: worker.metric("snapshot_failures_total") > failed + 1, SEEN_SECONDS, "snapshots fail")
            held, learned = newest_offset(settings), worker.metric("events_learned_total")
            wait_until(lambda: worker.metric("events_learned_total") > learned + 500, SEEN_SECONDS, "it learns on")
            assert newest_offset(settings) == held
            assert worker.page("/livez")[0] == worker.page("/readyz")[0] == 200
        wait_for_snapshot(settings, beyond=held)
        worker.kill()
        assert run.finish(run.start()).faults() == {}
    log = (tmp_path / "w-0.log").read_text()
    assert "no snapshot was written" in log
    assert "free space or give rights there" in log


def wait_for_snapshot(settings: Settings, beyond: int) -> None:
    wait_until(lambda: newest_offset(settings) > beyond, SEEN_SECONDS, f"a snapshot goes beyond {beyond}")


def manifests(settings: Settings) -> Manifests:
    return read_manifests(FileSnapshots(settings["snapshots.directory"]))


def newest_sequence(settings: Settings) -> int:
    return max((name.sequence for name, _ in manifests(settings)), default=0)


def wait_for_manifests(settings: Settings, more: int) -> None:
    wanted = newest_sequence(settings) + more
    wait_until(lambda: newest_sequence(settings) >= wanted, SEEN_SECONDS, f"manifest {wanted} stands")


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def alter(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [cut_short, alter])
def test_after_damage_to_the_newest_snapshot_the_one_before_is_gone_on_from(
    settings: Settings, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    with FaultRun(settings, tmp_path, rate=EVENTS_PER_SECOND) as run:
        worker = run.start()
        for of_items in (True, False):
            wait_for_manifests(settings, 3)  # a claim, and two snapshots
            worker.kill()
            newest = manifests(settings)[-1][1]
            blob = newest.knowledge if of_items else newest.partitions[2].blob
            damage(settings["snapshots.directory"] / "blobs" / blob)
            worker = run.start()
        assert run.finish(worker).faults() == {}
    assert "a snapshot is damaged, the one before is tried" in (tmp_path / "w-0.log").read_text()


@pytest.mark.parametrize("workers", ["that runs", "that restarted", "that is away"])
def test_partitions_that_are_added_are_read_from_their_start(settings: Settings, tmp_path: Path, workers: str) -> None:
    """Restarted under its name within the session, a worker takes its place in the group without a rebalance."""
    users = [f"u{number}" for number in range(1000, 1050)]
    with FaultRun(settings, tmp_path, rate=EVENTS_PER_SECOND) as run:
        worker = run.start(0, look_for_new_partitions_often)
        run.wait_for_share(4)
        if workers == "that restarted":
            worker.terminate()
            worker = run.start(0, look_for_new_partitions_often)
            run.wait_for_share(4)
        elif workers == "that is away":
            worker.terminate()
        with KafkaAdminClient(bootstrap_servers=settings["kafka.bootstrap_servers"]) as admin:
            admin.create_partitions({settings["kafka.events_topic"]: 6})
        if workers == "that is away":
            worker = run.start(0, look_for_new_partitions_often)
        run.partitions = range(6)
        run.feed(users, partition=5)
        run.wait_for_share(6)
        assert run.finish(worker).faults() == {}


@pytest.fixture
def fed(settings: Settings, make_topic: Callable[..., str], tmp_path: Path) -> Iterator[Callable[..., ForkedWorker]]:
    """Starts a worker on a topic of one partition that holds 100 events."""
    make_topic()
    feed(settings, 100)
    workers = []

    def start(**others: Any) -> ForkedWorker:
        own = {name.replace("__", "."): value for name, value in others.items()}
        workers.append(ForkedWorker(settings | {"kafka.instance_id": "w-0"} | own, tmp_path))
        return workers[-1]

    yield start
    for each in workers:
        each.__exit__()


def feed(settings: Settings, events: int) -> None:
    values = [line(f"u{number % 10}", f"i{number % 7}") for number in range(events)]
    produce(settings["kafka.bootstrap_servers"], settings["kafka.events_topic"], values)


def test_an_offset_out_of_retention_ends_the_worker_unless_it_may_skip_the_gap(
    settings: Settings, fed: Callable[..., ForkedWorker], tmp_path: Path
) -> None:
    worker = fed()
    worker.wait_until_learned(100)
    assert worker.terminate() == 0
    feed(settings, 50)
    with KafkaAdminClient(bootstrap_servers=settings["kafka.bootstrap_servers"]) as admin:
        admin.delete_records({TopicPartition(settings["kafka.events_topic"], 0): 130})
    assert fed().wait(SEEN_SECONDS) == STATE_CANNOT_BE_TRUSTED
    assert "holds offsets 130 to 150, not our position 100" in (tmp_path / "w-0.log").read_text()
    skipping = fed(kafka__on_gap="skip")
    skipping.wait_until_learned(20)
    assert skipping.terminate() == 0
    assert newest_offset(settings) == 150
    assert "events were lost to retention" in (tmp_path / "w-0.log").read_text()


@pytest.mark.parametrize("events", [30, 300], ids=["fewer", "more"])
def test_a_topic_that_was_made_anew_ends_the_worker_unless_it_may_skip_the_gap(
    settings: Settings, fed: Callable[..., ForkedWorker], tmp_path: Path, events: int
) -> None:
    worker, topic = fed(), settings["kafka.events_topic"]
    worker.wait_until_learned(100)
    with KafkaAdminClient(bootstrap_servers=settings["kafka.bootstrap_servers"]) as admin:
        admin.delete_topics([topic])
        wait_until(lambda: topic not in admin.list_topics(), SEEN_SECONDS, "the topic is gone")
        admin.create_topics([NewTopic(topic, 1, 1)])
        admin.wait_for_topics([topic])
    feed(settings, events)
    assert worker.wait(SEEN_SECONDS) == STATE_CANNOT_BE_TRUSTED
    assert fed().wait(SEEN_SECONDS) == STATE_CANNOT_BE_TRUSTED
    assert "the topic was made anew: partition 0 was read in " in (tmp_path / "w-0.log").read_text()
    skipping = fed(kafka__on_gap="skip")
    skipping.wait_until_learned(events)
    assert skipping.terminate() == 0
