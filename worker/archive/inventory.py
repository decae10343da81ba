"""What snapshots there are: each a worker's numbered cut, named `worker/number`."""

import msgspec

from worker.errors import ConfigurationError
from worker.manifest import Manifest, read_manifests
from worker.ports import ManifestName, SnapshotStore
from worker.settings import MemorySettings, SnapshotSettings
from worker.snapshot_stores import open_snapshots


class Cut(msgspec.Struct, frozen=True):
    """A snapshot, for people.

    Attributes:
        next_offsets: by partition that the worker owned, the first record that is not in it.
        epochs: by the same partitions, the number of their ownership.
        released: partitions that it had given up.
        sealed_by: the worker that ended the log here; "" = it is a snapshot.
    """

    name: str
    worker: str
    number: int
    created_ms: int
    next_offsets: dict[int, int]
    epochs: dict[int, int]
    released: list[int]
    sealed_by: str = ""


def opened(settings: SnapshotSettings, memory: MemorySettings) -> SnapshotStore:
    """The store that the settings name. Raises ConfigurationError."""
    return open_snapshots(settings, memory)


def readable(store: SnapshotStore) -> tuple[list[tuple[ManifestName, Manifest]], int]:
    """All snapshots whose manifests can be read, and how many cannot. Raises ServiceUnavailable, SnapshotError."""
    manifests = read_manifests(store)
    return [each for each in manifests if not each[1].sealed_by], len(store.manifests()) - len(manifests)


def inventory(store: SnapshotStore) -> list[Cut]:
    """All that can be read, the newest last of each worker. Raises ServiceUnavailable, SnapshotError."""
    return [_cut(name, manifest) for name, manifest in read_manifests(store)]


def found(store: SnapshotStore, wanted: str) -> tuple[ManifestName, Manifest]:
    """The snapshot `worker/number`, or `worker`'s newest.

    Raises ConfigurationError when there is none, ServiceUnavailable, SnapshotError.
    """
    worker, _, number = wanted.partition("/")
    cuts, _ = readable(store)
    fitting = [
        each for each in cuts if each[0].instance == worker and number.lstrip("0") in ("", str(each[0].sequence))
    ]
    if not fitting:
        names = ", ".join(text_of(name) for name, _ in cuts[-5:]) or "none at all"
        raise ConfigurationError(
            f"there is no snapshot {wanted}", f"name one as `millrace snapshot list` does: {names}"
        )
    return fitting[-1]


def text_of(name: ManifestName) -> str:
    """How people name it."""
    return f"{name.instance}/{name.sequence}"


def _cut(name: ManifestName, manifest: Manifest) -> Cut:
    owned = manifest.partitions.items()
    return Cut(
        text_of(name),
        name.instance,
        name.sequence,
        manifest.created_ms,
        {number: entry.next_offset for number, entry in owned},
        {number: entry.epoch for number, entry in owned},
        sorted(manifest.released),
        manifest.sealed_by,
    )
