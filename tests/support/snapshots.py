"""What a stopped worker left in its snapshot store, loaded again."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from models.recommender import Recommender
from tests.support.rig import rankings
from worker.assembly import recommender_options
from worker.errors import OwnershipLost
from worker.manifest import read_manifests
from worker.manifest_log import ManifestLog
from worker.partition import OwnedPartition
from worker.ports import ManifestName, SnapshotStore
from worker.restore import Restorer
from worker.settings import load
from worker.snapshot_stores import open_snapshots

NO_BLOBS = (
    "",
    "../../etc/passwd",
    "/etc/passwd",
    "0" * 63,
    "Z" * 64,
    "0" * 63 + "\0",
    "0" * 64 + "\n",
    "../" + "0" * 64,
)
NO_INSTANCES = ("", ".", "..", "../x", "/x", "a/b", "a\\b", "a\0", "a\n", "x" * 129, "\u00fc")


class Loaded:
    """The state that a restart would go on from; nothing is written."""

    def __init__(self, settings: Mapping[str, Any], instance: str = "w-0") -> None:
        loaded = load(overrides=settings, environment={})
        self.recommender = Recommender(recommender_options(loaded))
        store = open_snapshots(loaded.snapshots)
        self._restorer = Restorer(store, self.recommender, loaded.clean, ManifestLog(store, instance))
        assert self._restorer.restore_knowledge()

    def take(self, partition: int = 0) -> OwnedPartition:
        return self._restorer.take(partition)[0]

    def rankings(self) -> dict[str, list[str]]:
        """The list of every user of partition 0."""
        self.take()
        return rankings(self.recommender)


def newest_offset(settings: Mapping[str, Any], partition: int = 0, instance: str | None = None) -> int:
    """Where a restart would go on from any worker's snapshot, or this one's; 0 = there is none yet."""
    store = open_snapshots(load(overrides=settings, environment={}).snapshots)
    found = [manifest for name, manifest in read_manifests(store) if instance in (None, name.instance)]
    entries = [manifest.entries() for manifest in found]
    return max((each[partition].next_offset for each in entries if partition in each), default=0)


def events_by_user(settings: Mapping[str, Any], partitions: int = 1) -> dict[str, int]:
    """How often each user's events were learned, as the snapshots have it."""
    state = Loaded(settings, instance="a newcomer")
    events: dict[str, int] = {}
    for partition in range(partitions):
        shard = state.take(partition).shard
        events |= {user: int(shard.profiles.events[row]) for user, row in shard.users.items()}
    return events


def assert_one_of_many_writers_wins(opened: Callable[[], SnapshotStore]) -> None:
    """Each thread writes the same manifest, through what `opened` gives."""
    first, refused = ManifestName("w-0", 1), list[bytes]()

    def write(content: bytes) -> None:
        try:
            opened().create_manifest(first, content)
        except OwnershipLost:
            refused.append(content)

    contents = [str(number).encode() * 1000 for number in range(8)]
    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(contents) - set(refused) == {opened().read_manifest(first)}
