"""Whether snapshots are whole: each blob is read, compared with its checksum, and decoded."""

from collections.abc import Iterator

import msgspec

from worker.archive.inventory import text_of
from worker.contents import decoded
from worker.errors import SnapshotError
from worker.manifest import Manifest
from worker.ports import ManifestName, SnapshotStore


class Verdict(msgspec.Struct, frozen=True):
    """On one snapshot.

    Attributes:
        size_bytes: of its blobs, those that cannot be read left out; snapshots may share blobs.
        faults: what is wrong, one line each; none = it is whole.
    """

    name: str
    blobs: int
    size_bytes: int
    faults: list[str]


def verdicts(store: SnapshotStore, manifests: list[tuple[ManifestName, Manifest]]) -> Iterator[Verdict]:
    """On these snapshots; a blob that several of them name is read once. Raises ServiceUnavailable."""
    known: dict[str, tuple[int, str]] = {}
    for name, manifest in manifests:
        for blob in manifest.blobs() - known.keys():
            known[blob] = _examined(store, blob)
        found = [known[blob] for blob in sorted(manifest.blobs())]
        faults = [fault for _, fault in found if fault]
        yield Verdict(text_of(name), len(found), sum(size for size, _ in found), faults)


def _examined(store: SnapshotStore, blob: str) -> tuple[int, str]:
    """Size and fault of a blob."""
    try:
        content = store.read_blob(blob)
        decoded(content, blob)
    except SnapshotError as error:
        return 0, str(error)
    return len(content), ""
