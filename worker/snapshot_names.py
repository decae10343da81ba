"""Names of blobs and manifests: where they lie below a store's folder or prefix, what a name promises, and sizes."""

import hashlib
import re

from worker.errors import ConfigurationError, OwnershipLost, SnapshotError
from worker.ports import ManifestName

BLOBS = "blobs"
WORKERS = "workers"

MOST_MANIFEST_BYTES = 16 * 1024 * 1024  # of tens of thousands of partitions
MOST_BLOB_BYTES = 4 * 1024 * 1024 * 1024  # where no budget says less

_BLOB = re.compile(rf"{BLOBS}/(?P<name>[0-9a-f]{{64}})")
_INSTANCE = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
_MANIFEST = re.compile(rf"{WORKERS}/(?P<instance>{_INSTANCE})/(?P<sequence>[0-9]{{8,}})\.json")


def blob_name(content: bytes) -> str:
    """The sha256 in hex."""
    return hashlib.sha256(content).hexdigest()


def verified(name: str, content: bytes) -> bytes:
    """The content, if it is the blob of this name. Raises SnapshotError."""
    if blob_name(content) != name:
        raise SnapshotError(f"the blob {name} was altered", "restore what lay there, or use an older snapshot")
    return content


def check_size(what: str, size_bytes: int, most_bytes: int) -> None:
    """Raises SnapshotError for what is too large to be read, before it is."""
    if size_bytes > most_bytes:
        raise SnapshotError(
            f"{what} has {size_bytes} bytes, over the limit of {most_bytes}",
            "restore what lay there, or use an older snapshot; a blob may have twice the larger of memory.items_bytes "
            "and memory.users_bytes",
        )


def number_taken(name: ManifestName) -> OwnershipLost:
    """Somebody else created the manifest."""
    return OwnershipLost(
        f"the manifest {name.sequence} of {name.instance} was written by somebody else",
        "run one worker per kafka.instance_id; this one may be started again",
    )


def blob_path(name: str) -> str:
    """`blobs/<sha256>`. Raises SnapshotError for what names no blob."""
    path = f"{BLOBS}/{name}"
    if not _BLOB.fullmatch(path):
        raise SnapshotError(f"{name!r} names no blob", "the manifest that names it was altered")
    return path


def manifest_path(name: ManifestName) -> str:
    """`workers/<instance>/<sequence>.json`. Raises ConfigurationError for an instance that cannot be part of it."""
    if not re.fullmatch(_INSTANCE, name.instance):
        raise ConfigurationError(
            f"{name.instance!r} cannot name a worker's folder",
            "use up to 128 letters, digits, '.', '_' or '-' in kafka.instance_id",
        )
    return f"{WORKERS}/{name.instance}/{name.sequence:08d}.json"


def blob_at(path: str) -> str | None:
    """The name of the blob there; None = it is not ours."""
    found = _BLOB.fullmatch(path)
    return found["name"] if found else None


def manifest_at(path: str) -> ManifestName | None:
    """The name of the manifest there; None = it is not ours."""
    found = _MANIFEST.fullmatch(path)
    return ManifestName(found["instance"], int(found["sequence"])) if found else None


def in_order(names: list[ManifestName]) -> list[ManifestName]:
    """By worker, each worker's in ascending order."""
    return sorted(names, key=lambda name: (name.instance, name.sequence))
