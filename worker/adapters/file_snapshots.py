"""Snapshots in a folder: blobs named by their content, manifests in numbered logs."""

import os
import stat
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from typing_extensions import override

from worker.errors import SnapshotError
from worker.ports import ManifestName, SnapshotStore
from worker.snapshot_names import (
    BLOBS,
    MOST_BLOB_BYTES,
    MOST_MANIFEST_BYTES,
    WORKERS,
    blob_at,
    blob_name,
    blob_path,
    check_size,
    in_order,
    manifest_at,
    manifest_path,
    number_taken,
    verified,
)

ABANDONED_SECONDS = 3600.0


class FileSnapshots(SnapshotStore):
    """A snapshot store in `directory`, which the workers of a group share.

    `blobs/<sha256>` and `workers/<instance>/<sequence>.json`. A file appears whole or not at all, and survives
    a power failure once its call has returned.
    """

    def __init__(self, directory: Path, most_blob_bytes: int = MOST_BLOB_BYTES) -> None:
        """Larger blobs are neither written nor read."""
        self._directory = directory
        self._most_blob_bytes = most_blob_bytes
        self._unfinished = directory / "unfinished"

    @override
    def write_blob(self, content: bytes) -> str:
        name = blob_name(content)
        target = self._blob(name)
        check_size(str(target), len(content), self._most_blob_bytes)
        with _writing(target):
            if not (target.is_file() and target.stat().st_size == len(content)):
                with self._finished(content) as finished:
                    _make_folder(target.parent)
                    finished.replace(target)
                    _sync_folder(target.parent)
        return name

    @override
    def read_blob(self, name: str) -> bytes:
        return verified(name, _read(self._blob(name), self._most_blob_bytes))

    @override
    def create_manifest(self, name: ManifestName, content: bytes) -> None:
        """Also raises SnapshotError when it cannot be written, ConfigurationError for a bad instance name."""
        target = self._manifest(name)
        with _writing(target), self._finished(content) as finished:
            _make_folder(target.parent)
            try:
                target.hardlink_to(finished)
            except FileExistsError as error:
                raise number_taken(name) from error
            _sync_folder(target.parent)

    @override
    def read_manifest(self, name: ManifestName) -> bytes:
        """Raises SnapshotError when it is missing or too large."""
        return _read(self._manifest(name), MOST_MANIFEST_BYTES)

    @override
    def manifests(self) -> list[ManifestName]:
        paths = self._directory.glob(f"{WORKERS}/*/*")
        return in_order([name for path in paths if (name := manifest_at(self._place(path)))])

    @override
    def drop(self, manifests: Sequence[ManifestName], blobs: Sequence[str]) -> None:
        """Also removes what killed workers left unfinished. Raises SnapshotError."""
        _remove([self._manifest(name) for name in manifests])
        _remove([self._blob(name) for name in blobs])
        _remove([path for path in self._unfinished.glob("*") if _age_seconds(path) > ABANDONED_SECONDS])

    @override
    def blobs(self) -> list[str]:
        paths = self._directory.glob(f"{BLOBS}/*")
        return sorted(name for path in paths if (name := blob_at(self._place(path))))

    def _blob(self, name: str) -> Path:
        return self._directory / blob_path(name)

    def _manifest(self, name: ManifestName) -> Path:
        return self._directory / manifest_path(name)

    def _place(self, path: Path) -> str:
        return path.relative_to(self._directory).as_posix()

    @contextmanager
    def _finished(self, content: bytes) -> Iterator[Path]:
        """A file with this content, safe on disk, to be put in its place; removed if it was not."""
        _make_folder(self._unfinished)
        descriptor, name = tempfile.mkstemp(dir=self._unfinished)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            yield Path(name)
        finally:
            with suppress(OSError):  # it stands elsewhere already, or is swept later
                Path(name).unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    """Makes it and its parents durably."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _remove(paths: Sequence[Path]) -> None:
    """Removes them durably, so that nothing removed later is gone before them."""
    for path in paths:
        with _writing(path):
            path.unlink(missing_ok=True)
    for folder in {path.parent for path in paths if path.parent.is_dir()}:
        with _writing(folder):
            _sync_folder(folder)


def _age_seconds(path: Path) -> float:
    """Time since it was written; 0 when it is gone."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path, most_bytes: int) -> bytes:
    """The content of a file that is no larger; what is no file, as a pipe or a device, is not read at all."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            there = os.fstat(file.fileno())
            if not stat.S_ISREG(there.st_mode):
                raise SnapshotError(f"{path} is no file", "restore the snapshot folder, or use an older snapshot")
            check_size(str(path), there.st_size, most_bytes)
            return file.read(there.st_size)
    except OSError as error:
        raise SnapshotError(
            f"cannot read {path}: {error.strerror}", "restore the snapshot folder, or use an older snapshot"
        ) from error


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SnapshotError(
            f"cannot write {path}: {error.strerror}",
            "free space or give rights there, or set MILLRACE_SNAPSHOTS__DIRECTORY to another folder",
        ) from error
