"""Streams for the loop on adapters in memory, and services that fail when told."""

from collections.abc import Callable, Mapping, Sequence
from itertools import count

from typing_extensions import override

from tests.support.records import NOW_MS, line
from tests.support.rig import Rig
from worker.adapters.memory import MemorySnapshots
from worker.adapters.memory_source import MemoryEventSource
from worker.errors import ServiceUnavailable, SnapshotError
from worker.ports import ManifestName, Record

TIMES_MS = count(NOW_MS)


def feed(source: MemoryEventSource, *pairs: str, partition: int = 0) -> None:
    """`ann:tea` = ann views tea; no two at the same time, so that none is a duplicate."""
    for pair in pairs:
        user, item = pair.split(":")
        source.append(line(user, item), b"k", partition, next(TIMES_MS))


def shop(source: MemoryEventSource, events: int, partition: int = 0) -> None:
    feed(source, *[f"u{number % 7}-{partition}:i{number % 5}" for number in range(events)], partition=partition)


class Flaky(MemoryEventSource):
    """Fails as often as told: when it is opened, polled, begun, committed."""

    def __init__(self, partitions: int = 1, **failures: int) -> None:
        super().__init__(partitions)
        self.failures = failures
        self.closed = 0

    def fail(self, what: str) -> None:
        if self.failures.get(what, 0) > 0:
            self.failures[what] -= 1
            raise ServiceUnavailable(f"no {what} now")

    @override
    def open(self, on_revoked: Callable[[Sequence[int]], None]) -> None:
        self.fail("open")
        super().open(on_revoked)

    @override
    def poll(self, timeout_seconds: float, max_records: int) -> Mapping[int, Sequence[Record]]:
        self.fail("poll")
        return super().poll(timeout_seconds, max_records)

    @override
    def begin(self, partition: int, offset: int | None) -> int:
        self.fail("begin")
        return super().begin(partition, offset)

    @override
    def commit(self, next_offsets: Mapping[int, int]) -> None:
        self.fail("commit")
        super().commit(next_offsets)

    @override
    def close(self) -> None:
        self.closed += 1
        super().close()


class FullDisk(MemorySnapshots):
    """Refuses so many manifests, or blobs, or all to be dropped, from now on."""

    def __init__(self, manifests: int = 0, blobs: int = 0, drops: int = 0) -> None:
        super().__init__()
        self.refuse = {"manifests": manifests, "blobs": blobs, "drops": drops}

    def fail(self, what: str) -> None:
        if self.refuse[what] > 0:
            self.refuse[what] -= 1
            raise SnapshotError("the disk is full")

    @override
    def write_blob(self, content: bytes) -> str:
        self.fail("blobs")
        return super().write_blob(content)

    @override
    def create_manifest(self, name: ManifestName, content: bytes) -> None:
        self.fail("manifests")
        super().create_manifest(name, content)

    @override
    def drop(self, manifests: Sequence[ManifestName], blobs: Sequence[str]) -> None:
        self.fail("drops")
        super().drop(manifests, blobs)


def newest_offsets(rig: Rig) -> dict[int, int]:
    """By partition, where a restart would go on."""
    after = rig.again()
    after.worker._parts.restorer.restore_knowledge()
    return {number: after.worker._parts.restorer.take(number)[0].next_offset for number in rig.source.committed}
