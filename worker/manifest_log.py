"""The numbered log of one worker's manifests, which others may seal."""

import msgspec
import structlog

from worker.errors import OwnershipLost
from worker.manifest import FORMAT, Manifest, Manifests, PartitionEntry, read_manifests
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

        Raises SnapshotError when it cannot be written, OwnershipLost when we were replaced or our log was sealed.
        """
        before = {n: entry for n, entry in self.latest.entries().items() if n not in partitions}
        manifest = Manifest(FORMAT, knowledge, partitions, before | released, now_ms)
        self._create(ManifestName(self.instance, self._sequence + 1), manifest)
        self._sequence += 1
        self.latest = manifest

    def seal(self, partition: int, now_ms: int) -> None:
        """Ends the log of the worker that had the partition last, unless it gave it up: it can write no more into it.

        Whoever takes a partition over does so first. A worker that still lives ends at its next checkpoint, and
        goes on from the manifest before the seal. Raises SnapshotError.
        """
        while holder := self._open_log_with(partition):
            name = ManifestName(holder, _last_sequence(self._store, holder) + 1)
            try:
                self._create(name, msgspec.structs.replace(NOTHING, created_ms=now_ms, sealed_by=self.instance))
            except OwnershipLost:  # it has just written one more, or somebody else sealed it: look again
                continue
            log.info("the log of the owner before is sealed", partition=partition, owner=holder)

    def _open_log_with(self, partition: int) -> str | None:
        """Whose log may still grow under the highest epoch of the partition; None = nobody's."""
        manifests = read_manifests(self._store)
        found = _newest_with(partition, manifests)
        if found is None or found[0].instance == self.instance or partition not in found[1].partitions:
            return None
        holder = found[0].instance
        last = [manifest for name, manifest in manifests if name.instance == holder][-1]
        return None if last.sealed_by else holder

    def _create(self, name: ManifestName, manifest: Manifest) -> None:
        self._store.create_manifest(name, msgspec.json.encode(manifest))


def _newest_with(partition: int, manifests: Manifests) -> tuple[ManifestName, Manifest] | None:
    """The manifest that knows most of the partition: the highest epoch, then offset, then the last one written."""

    def knows(each: tuple[ManifestName, Manifest]) -> tuple[int, int, int]:
        entry = each[1].entries()[partition]
        return entry.epoch, entry.next_offset, each[0].sequence

    return max((each for each in manifests if partition in each[1].entries()), key=knows, default=None)


def _last_sequence(store: SnapshotStore, instance: str) -> int:
    return max((name.sequence for name in store.manifests() if name.instance == instance), default=0)
