"""Restoring: how a worker finds its way back, and takes over what others left."""

from collections.abc import Sequence

import structlog

from models.recommender import Recommender
from worker.contents import Arrays, decoded, restored_knowledge, restored_partition
from worker.errors import SnapshotError
from worker.manifest import FORMAT, REMEDY, Manifest, PartitionEntry, read_manifests
from worker.manifest_log import NOTHING, ManifestLog
from worker.partition import OwnedPartition, new_partition
from worker.ports import ManifestName, SnapshotStore
from worker.settings import CleanSettings
from worker.steps.clean import Cleaner

log = structlog.get_logger(__name__)


class Restorer:
    """Reads snapshots; writes nothing."""

    def __init__(
        self, store: SnapshotStore, recommender: Recommender, clean: CleanSettings, manifest_log: ManifestLog
    ) -> None:
        self._store = store
        self._recommender = recommender
        self._clean = clean
        self._log = manifest_log
        self._passed_over: set[ManifestName] = set()  # newer than what was restored, but not whole
        self._restored: ManifestName | None = None

    def restore_knowledge(self) -> bool:
        """Loads what was learned of items: our newest snapshot that is whole, else any worker's. False = none is there.

        For a worker that owns no partition; loads nothing if that snapshot is loaded already.
        One that does not fit the settings is passed over as one that is damaged. Raises SnapshotError when there are
        snapshots, but none can be used.
        """
        misfit: SnapshotError | None = None
        found = read_manifests(self._store)
        unreadable = len(found) < len(self._store.manifests())
        cuts = [each for each in found if not each[1].sealed_by]
        ours = [manifest for name, manifest in cuts if name.instance == self._log.instance]
        cuts.sort(key=lambda each: (each[1].knowledge != "", *self._preference(*each)))
        while cuts:
            name, manifest = cuts.pop()
            if name == self._restored:
                return True
            if not self._is_whole(name, manifest):
                self._passed_over.add(name)
            elif manifest.knowledge or not (unreadable or self._passed_over):
                try:
                    self._go_on_from(name, manifest, ours[-1] if ours else NOTHING)
                    return manifest.knowledge != ""
                except SnapshotError as error:
                    log.warning(
                        "a snapshot does not fit, the one before is tried", manifest=str(name), error=str(error)
                    )
                    self._passed_over.add(name)
                    misfit = misfit or error
        if misfit:
            raise misfit
        if unreadable or self._passed_over:
            raise SnapshotError("there are snapshots, but none of them is whole", REMEDY)
        return False

    def _preference(self, name: ManifestName, manifest: Manifest) -> tuple[bool, int, int]:
        """Ours by their numbers, for clocks may be set back; of others only the time can be compared."""
        is_ours = name.instance == self._log.instance
        return is_ours, 0 if is_ours else manifest.created_ms, name.sequence

    def _is_whole(self, name: ManifestName, manifest: Manifest) -> bool:
        try:
            for blob in manifest.blobs():
                self._arrays(blob)
        except SnapshotError as error:
            log.warning("a snapshot is damaged, the one before is tried", manifest=str(name), error=str(error))
            return False
        return True

    def _go_on_from(self, name: ManifestName, manifest: Manifest, our_last: Manifest) -> None:
        if manifest.knowledge:
            what = f"snapshot {name.sequence} of {name.instance}"
            if not restored_knowledge(self._recommender, what, self._arrays(manifest.knowledge)):
                log.warning(
                    "the sequence expert begins anew: the snapshot's has another encoder, base, head or tuning",
                    manifest=str(name),
                )
            self._restored = name
        ours = manifest if name.instance == self._log.instance else our_last
        self._log.latest = Manifest(FORMAT, manifest.knowledge, {}, ours.entries(), manifest.created_ms)

    def take(self, partition: int) -> tuple[OwnedPartition, bool]:
        """The partition as its last owner left it, under a higher epoch; False = nobody had it before.

        Ours comes from the snapshot whose knowledge was restored, so that both are of one cut.
        Raises SnapshotError when somebody had it, but nothing of that can be used.
        """
        found = [
            (name, manifest.entries()[partition])
            for name, manifest in read_manifests(self._store)
            if partition in manifest.entries()
        ]
        if not found:
            return new_partition(partition, self._recommender, Cleaner(self._clean)), False
        found.sort(key=lambda each: (each[0] not in self._passed_over, each[1].epoch, each[1].next_offset))
        entry, arrays = self._first_whole(partition, [entry for _, entry in reversed(found)])
        epoch = 1 + max(entry.epoch for _, entry in found)
        owned = restored_partition(self._recommender, self._clean, partition, epoch, entry.next_offset, arrays)
        owned.restored_from, owned.lists_mark, owned.topic_id = entry.blob, entry.lists_mark, entry.topic_id
        return owned, True

    def _first_whole(self, partition: int, entries: Sequence[PartitionEntry]) -> tuple[PartitionEntry, Arrays]:
        for entry in entries:
            try:
                return entry, self._arrays(entry.blob)
            except SnapshotError as error:
                log.warning("a partition's snapshot is damaged", partition=partition, error=str(error))
        raise SnapshotError(f"no snapshot of partition {partition} can be read", REMEDY)

    def _arrays(self, blob: str) -> Arrays:
        """What a blob holds; nothing for "". Raises SnapshotError."""
        return decoded(self._store.read_blob(blob), blob) if blob else {}
