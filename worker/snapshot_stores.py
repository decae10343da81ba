"""Where snapshots are kept, as the settings say: a folder, or an object store."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from worker.adapters.file_snapshots import FileSnapshots
from worker.errors import ConfigurationError
from worker.ports import SnapshotStore
from worker.settings import MemorySettings, SnapshotSettings
from worker.snapshot_names import MOST_BLOB_BYTES

OBJECT_STORES = ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss")


SLACK_BYTES = 256 * 1024 * 1024


def most_blob_bytes(memory: MemorySettings) -> int:
    """More than any blob has that these budgets let a worker write, even where all ids are long."""
    return 2 * max(memory.items_bytes, memory.users_bytes) + SLACK_BYTES


def open_snapshots(settings: SnapshotSettings, memory: MemorySettings | None = None) -> SnapshotStore:
    """The store, of blobs that fit the budgets, if given; nothing is read or written yet. Raises ConfigurationError."""
    most_bytes = MOST_BLOB_BYTES if memory is None else most_blob_bytes(memory)
    directory = directory_of(settings)
    if directory is not None:
        return FileSnapshots(directory, most_bytes)
    scheme = urlsplit(settings.url).scheme
    if scheme not in OBJECT_STORES:
        raise ConfigurationError(
            f"snapshots cannot be kept in {settings.url}",
            f"let MILLRACE_SNAPSHOTS__URL begin with file:// or one of {', '.join(OBJECT_STORES)}, or leave it empty",
        )
    try:
        from worker.adapters.object_snapshots import ObjectSnapshots  # the optional extra `object-store`
    except ImportError as error:
        raise ConfigurationError(
            f"the client for {scheme}:// is not installed: {error}", "pip install 'millrace[object-store]'"
        ) from error
    return ObjectSnapshots(settings.url, settings.endpoint, settings.request_timeout_seconds, most_bytes)


def directory_of(settings: SnapshotSettings) -> Path | None:
    """The folder of the snapshots; None = they lie in an object store."""
    if not settings.url:
        return settings.directory
    address = urlsplit(settings.url)
    return Path(unquote(address.path)) if address.scheme == "file" else None
