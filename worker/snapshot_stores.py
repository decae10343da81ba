"""Where snapshots are kept, as the settings say: a folder, or an object store."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from worker.adapters.file_snapshots import FileSnapshots
from worker.errors import ConfigurationError
from worker.ports import SnapshotStore
from worker.settings import SnapshotSettings

OBJECT_STORES = ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss")


def open_snapshots(settings: SnapshotSettings) -> SnapshotStore:
    """The store; nothing is read or written yet. Raises ConfigurationError."""
    directory = directory_of(settings)
    if directory is not None:
        return FileSnapshots(directory)
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
    return ObjectSnapshots(settings.url, settings.endpoint, settings.request_timeout_seconds)


def directory_of(settings: SnapshotSettings) -> Path | None:
    """The folder of the snapshots; None = they lie in an object store."""
    if not settings.url:
        return settings.directory
    address = urlsplit(settings.url)
    return Path(unquote(address.path)) if address.scheme == "file" else None
