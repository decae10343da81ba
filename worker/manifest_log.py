"""The numbered log of one worker's manifests, which others may seal."""

from collections.abc import Mapping, Sequence
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
        sequence: number of the last manifest that we know of; 0 = there is none.
    """

    def __init__(self, store: SnapshotStore, instance: str) -> None:
        self.instance = instance
        self.latest = NOTHING
        self._store = store
        self.sequence = _last_sequence(store, instance)
        self._appended: Manifest | None = None

    def is_last(self) -> bool:
        """Whether this process wrote the last manifest of our log: not after a restart, and not once it was sealed."""
        return self._appended is not None and _last_sequence(self._store, self.instance) == self.sequence

    @property
    def has_more(self) -> bool:
        """Whether the last manifest names what we let go of since."""
        return self._appended is not None and self._appended.entries() != self.latest.entries()

    def append(
        self,
        knowledge: str,
        partitions: dict[int, PartitionEntry],
        released: dict[int, PartitionEntry],
        now_ms: int,
    ) -> ManifestName:
        """The next manifest: what we own, and what we once had and nobody is known to have taken over.

        Raises SnapshotError when it cannot be written, ServiceUnavailable when the store does not say what stands,
        OwnershipLost when we were replaced or our log was sealed.
        """
        before = {n: entry for n, entry in self.latest.entries().items() if n not in partitions}
        manifest = Manifest(FORMAT, knowledge, partitions, before | released, now_ms)
        self._verify_newest()
        name = ManifestName(self.instance, self.sequence + 1)
        self._create(name, manifest)
        self.sequence = name.sequence
        self._verify_newest()  # a number may also be free because it was dropped meanwhile
        self.latest = manifest
        self._appended = manifest
        return name

    def _verify_newest(self) -> None:
        if _last_sequence(self._store, self.instance) > self.sequence:
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

    def seal(self, partitions: Sequence[int], now_ms: int) -> bool:
        """Ends the logs of the workers that had the partitions last, unless they gave them up: they can write no more.

        Whoever takes partitions over does so first. A worker that still lives ends at its next checkpoint, and
        goes on from the manifest before the seal. False = there was nothing to end. Raises SnapshotError.
        """
        has_sealed = False
        while holders := self._open_logs_with(partitions):
            for holder in holders:
                name = ManifestName(holder, _last_sequence(self._store, holder) + 1)
                with suppress(OwnershipLost):  # it has just written one more, or somebody else sealed it: look again
                    self._create(name, msgspec.structs.replace(NOTHING, created_ms=now_ms, sealed_by=self.instance))
                    has_sealed = True
                    log.info("the log of the owner before is sealed", partitions=list(partitions), owner=holder)
        return has_sealed

    def _open_logs_with(self, partitions: Sequence[int]) -> list[str]:
        """Whose logs may still grow under the highest epoch of one of the partitions; ours does not count."""
        manifests = read_manifests(self._store)
        highest = highest_epochs(manifests)
        logs: dict[str, list[Manifest]] = {}
        for name, manifest in manifests:
            logs.setdefault(name.instance, []).append(manifest)
        return [
            instance
            for instance, log_of in logs.items()
            if instance != self.instance
            and not log_of[-1].sealed_by
            and any(_is_held(log_of, number, highest.get(number)) for number in partitions)
        ]

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


def _is_held(log_of: Sequence[Manifest], partition: int, epoch: int | None) -> bool:
    """Whether the last manifest of a log that knows the partition under this epoch has not given it up."""
    entries = (each for each in reversed(log_of) if partition in each.entries())
    newest = next((each for each in entries if each.entries()[partition].epoch == epoch), None)
    return newest is not None and partition in newest.partitions


def _last_sequence(store: SnapshotStore, instance: str) -> int:
    return max((name.sequence for name in store.manifests() if name.instance == instance), default=0)
