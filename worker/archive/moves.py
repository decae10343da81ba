"""Going back to a snapshot, and taking one along."""

import msgspec

from worker.archive.inventory import text_of
from worker.archive.verification import verdicts
from worker.errors import SnapshotError
from worker.manifest import Manifest, PartitionEntry, highest_epochs, read_manifests
from worker.manifest_log import ManifestLog
from worker.ports import ManifestName, SnapshotStore


def restore(store: SnapshotStore, name: ManifestName, manifest: Manifest, now_ms: int) -> str:
    """Lets the partitions that the snapshot owned go on from it; returns the name of the manifest that says so.

    The same blobs under a higher epoch, at the end of the worker's log. Workers that held these partitions can write no
    more: one that lives ends at its next checkpoint (exit code 17), and goes on from here when it is started again.
    Raises SnapshotError when the snapshot is not whole, or somebody claims a partition meanwhile; OwnershipLost;
    ServiceUnavailable.
    """
    _verify(store, name, manifest)
    manifest_log = ManifestLog(store, name.instance)
    manifest_log.seal(sorted(manifest.partitions), now_ms)
    epochs = highest_epochs(read_manifests(store))
    claimed: dict[int, PartitionEntry] = {
        number: msgspec.structs.replace(entry, epoch=epochs[number] + 1)
        for number, entry in manifest.partitions.items()
    }
    written = manifest_log.append(manifest.knowledge, claimed, {}, now_ms)
    manifest_log.verify_sole(claimed)
    return text_of(written)


def export(store: SnapshotStore, name: ManifestName, manifest: Manifest, target: SnapshotStore) -> None:
    """Copies one snapshot to another store, under its own name.

    Raises SnapshotError when it is not whole or cannot be written, OwnershipLost when it is there already.
    """
    _verify(store, name, manifest)
    for blob in sorted(manifest.blobs()):
        target.write_blob(store.read_blob(blob))
    target.create_manifest(name, msgspec.json.encode(manifest))


def _verify(store: SnapshotStore, name: ManifestName, manifest: Manifest) -> None:
    for verdict in verdicts(store, [(name, manifest)]):
        if verdict.faults:
            raise SnapshotError(
                f"{text_of(name)} is not whole: {'; '.join(verdict.faults)}",
                "choose another one; `millrace snapshot verify` tells which are whole",
            )
