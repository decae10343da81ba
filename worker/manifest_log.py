"""The numbered log of one worker's manifests, which others may seal."""

from collections.abc import Mapping
from contextlib import suppress

import msgspec
import structlog

from worker.errors import OwnershipLost, ServiceUnavailable, SnapshotError
from worker.manifest import FORMAT, Manifest, PartitionEntry, highest_epochs, read_manifests
from worker.ports import ManifestName, SnapshotStore

NOTHING = Manifest(FORMAT, "", {}, {}, 0)

log = structlog.get_logger(__name__)


class ManifestLog:
    """Our manifests: each is created only if its number is free, so that of two writers one learns of the other.

    Attributes:
        instance: name of the worker.
        latest: what our next manifest carries on from.
    """

    def __init__(self, store: SnapshotStore, instance: str) -> None:
        self.instance = instance
        self.latest = NOTHING
        self._store = store
        self._sequence = _last_sequence(store, instance)

    def append(
        self,
        knowledge: str,
        partitions: dict[int, PartitionEntry],
        released: dict[int, PartitionEntry],
        now_ms: int,
    ) -> None:
        """The next manifest: what we own, and what we once had and nobody is known to have taken over.

        Raises SnapshotError when it cannot be written, ServiceUnavailable when the store does not say what stands,
        OwnershipLost when we were replaced or our log was sealed.
        """
        before = {n: entry for n, entry in self.latest.entries().items() if n not in partitions}
        manifest = Manifest(FORMAT, knowledge, partitions, before | released, now_ms)
        self._verify_newest()
        self._create(ManifestName(self.instance, self._sequence + 1), manifest)
        self._sequence += 1
        self._verify_newest()  # a number may also be free because it was dropped meanwhile
        self.latest = manifest

    def _verify_newest(self) -> None:
        if _last_sequence(self._store, self.instance) > self._sequence:
            raise OwnershipLost(
                f"the snapshots of {self.instance} were continued or ended by another worker",
                "give each worker a kafka.instance_id of its own; nothing else, if this one was away for long",
            )

    def verify_sole(self, claimed: Mapping[int, PartitionEntry]) -> None:
        """Raises SnapshotError when somebody else claimed one of the partitions at the same time: claim once more."""
        others = highest_epochs(each for each in read_manifests(self._store) if each[0].instance != self.instance)
        contested = [number for number, entry in claimed.items() if others.get(number, 0) >= entry.epoch]
        if contested:
            raise SnapshotError(f"partitions {contested} were claimed by another worker at the same time")

    def seal(self, partition: int, now_ms: int) -> bool:
        """Ends the log of the worker that had the partition last, unless it gave it up: it can write no more into it.

        Whoever takes a partition over does so first. A worker that still lives ends at its next checkpoint, and
        goes on from the manifest before the seal. False = there was nothing to end. Raises SnapshotError.
        """
        has_sealed = False
        while holder := self._open_log_with(partition):
            name = ManifestName(holder, _last_sequence(self._store, holder) + 1)
            try:
                self._create(name, msgspec.structs.replace(NOTHING, created_ms=now_ms, sealed_by=self.instance))
            except OwnershipLost:  # it has just written one more, or somebody else sealed it: look again
                continue
            has_sealed = True
            log.info("the log of the owner before is sealed", partition=partition, owner=holder)
        return has_sealed

    def _open_log_with(self, partition: int) -> str | None:
        """Whose log may still grow under the highest epoch of the partition; None = nobody's but ours."""
        manifests = read_manifests(self._store)
        highest = highest_epochs(manifests).get(partition)
        for instance in sorted({name.instance for name, _ in manifests} - {self.instance}):
            log_of = [manifest for name, manifest in manifests if name.instance == instance]
            holding = [each for each in log_of if _epoch_in(each, partition) == highest]
            if holding and partition in holding[-1].partitions and not log_of[-1].sealed_by:
                return instance
        return None

    def _create(self, name: ManifestName, manifest: Manifest) -> None:
        content = msgspec.json.encode(manifest)
        try:
            self._store.create_manifest(name, content)
        except SnapshotError:
            if not self._stands(name, content):
                raise

    def _stands(self, name: ManifestName, content: bytes) -> bool:
        """Whether it was written after all, though the store said otherwise."""
        with suppress(SnapshotError, ServiceUnavailable):
            return self._store.read_manifest(name) == content
        return False


def _epoch_in(manifest: Manifest, partition: int) -> int:
    entry = manifest.entries().get(partition)
    return entry.epoch if entry else 0


def _last_sequence(store: SnapshotStore, instance: str) -> int:
    return max((name.sequence for name in store.manifests() if name.instance == instance), default=0)
