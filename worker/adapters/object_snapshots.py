"""Snapshots in an object store: S3, Google Cloud Storage, Azure Blob Storage, and what speaks like one of them."""

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import from_url
from typing_extensions import override

from worker.errors import ConfigurationError, ServiceUnavailable, SnapshotError
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

PIECE_BYTES = 8 * 1024 * 1024  # what one request moves, so that its time limit does not depend on a blob's size
PIECES_AT_ONCE = 4
RETRIES = 3
FAILURES = (BaseError, OSError)  # some of what a store answers comes as Python's own errors
REMEDY = (
    "see that it exists and can be reached, and that credentials and region are set (AWS_..., GOOGLE_..., AZURE_...) "
    "and may list, read, write and delete there; `millrace doctor` tries"
)


class ObjectSnapshots(SnapshotStore):
    """A snapshot store below `url`, which the workers of a group share: `blobs/...` and `workers/...`.

    A manifest is put on the condition that none is there (`If-None-Match: *` or its like), so that the store
    itself refuses all writers but one. What is put is durable once the store has answered.
    """

    def __init__(
        self, url: str, endpoint: str, request_timeout_seconds: float, most_blob_bytes: int = MOST_BLOB_BYTES
    ) -> None:
        """Connects to nothing yet; credentials come from the environment. Larger blobs are neither written nor read.

        Raises ConfigurationError.
        """
        self._most_blob_bytes = most_blob_bytes
        self._url = url.rstrip("/")
        self._store = _opened(url, endpoint, request_timeout_seconds, RETRIES)
        # A create that the client repeats by itself could meet its own success, and take it for another writer's.
        self._once = _opened(url, endpoint, request_timeout_seconds, 0)
        self._known: dict[ManifestName, bytes] = {}  # manifests never change

    @override
    def write_blob(self, content: bytes) -> str:
        name = blob_name(content)
        path = blob_path(name)
        check_size(f"{self._url}/{path}", len(content), self._most_blob_bytes)
        with self._writing(path):
            if not self._is_there(path, len(content)):
                obstore.put(self._store, path, content, chunk_size=PIECE_BYTES, max_concurrency=PIECES_AT_ONCE)
        return name

    @override
    def read_blob(self, name: str) -> bytes:
        return verified(name, self._read(blob_path(name), self._most_blob_bytes))

    @override
    def create_manifest(self, name: ManifestName, content: bytes) -> None:
        """Also raises SnapshotError when it cannot be written, ConfigurationError for a bad instance name."""
        path = manifest_path(name)
        with self._writing(path):
            try:
                obstore.put(self._once, path, content, mode="create", use_multipart=False)
            except AlreadyExistsError as error:
                raise number_taken(name) from error
            except FAILURES:  # no answer does not tell whether it was written
                if not self._stands(path, content):
                    raise
        self._known[name] = content

    @override
    def read_manifest(self, name: ManifestName) -> bytes:
        if name not in self._known:
            self._known[name] = self._read(manifest_path(name), MOST_MANIFEST_BYTES)
        return self._known[name]

    @override
    def manifests(self) -> list[ManifestName]:
        found = [name for path in self._paths(WORKERS) if (name := manifest_at(path))]
        self._known = {name: self._known[name] for name in found if name in self._known}
        return in_order(found)

    @override
    def drop(self, manifests: Sequence[ManifestName], blobs: Sequence[str]) -> None:
        """Raises SnapshotError."""
        self._remove([manifest_path(name) for name in manifests])
        self._remove([blob_path(name) for name in blobs])

    @override
    def blobs(self) -> list[str]:
        return sorted(name for path in self._paths(BLOBS) if (name := blob_at(path)))

    def _paths(self, folder: str) -> list[str]:
        with self._reading(folder):
            return [each["path"] for page in obstore.list(self._store, folder) for each in page]

    def _read(self, path: str, most_bytes: int) -> bytes:
        with self._reading(path):
            size_bytes = self._size_bytes(path)
            check_size(f"{self._url}/{path}", size_bytes, most_bytes)
            starts = range(0, size_bytes, PIECE_BYTES)
            with ThreadPoolExecutor(PIECES_AT_ONCE) as readers:
                return b"".join(readers.map(lambda start: self._piece(path, start, size_bytes), starts))

    def _piece(self, path: str, start: int, size_bytes: int) -> bytes:
        return bytes(obstore.get_range(self._store, path, start=start, end=min(start + PIECE_BYTES, size_bytes)))

    def _is_there(self, path: str, size_bytes: int) -> bool:
        with suppress(FileNotFoundError):
            return self._size_bytes(path) == size_bytes
        return False

    def _size_bytes(self, path: str) -> int:
        size_bytes: int = obstore.head(self._store, path)["size"]
        return size_bytes

    def _stands(self, path: str, content: bytes) -> bool:
        """Whether just this was written after all."""
        with suppress(*FAILURES):
            return bytes(obstore.get(self._store, path).bytes()) == content
        return False

    def _remove(self, paths: Sequence[str]) -> None:
        with self._writing(f"{len(paths)} old objects"):
            try:
                obstore.delete(self._store, list(paths))
            except FileNotFoundError:  # Google's and Azure's stores tell that one is gone already; others may not be
                for path in paths:
                    with suppress(FileNotFoundError):
                        obstore.delete(self._store, path)

    @contextmanager
    def _reading(self, what: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise SnapshotError(f"{self._url}/{what} is missing", "restore it, or use an older snapshot") from error
        except FAILURES as error:
            raise ServiceUnavailable(f"cannot read {self._url}/{what}: {_cause(error)}", REMEDY) from error

    @contextmanager
    def _writing(self, what: str) -> Iterator[None]:
        try:
            yield
        except FAILURES as error:
            raise SnapshotError(f"cannot write {self._url}/{what}: {_cause(error)}", REMEDY) from error


def _opened(url: str, endpoint: str, request_timeout_seconds: float, retries: int) -> Any:
    """The store's client. Raises ConfigurationError."""
    limit = timedelta(seconds=request_timeout_seconds)
    try:
        return from_url(
            url,
            config=_config(url, endpoint),
            client_options={
                "timeout": limit,
                "connect_timeout": limit,
                "allow_http": endpoint.startswith("http://"),
            },
            retry_config={"max_retries": retries, "retry_timeout": limit},
        )
    except (*FAILURES, ValueError) as error:
        raise ConfigurationError(
            f"{url} cannot be opened: {_cause(error)}",
            "correct MILLRACE_SNAPSHOTS__URL, as in s3://bucket/prefix, gs://bucket/prefix or az://container/prefix "
            "(with AZURE_STORAGE_ACCOUNT_NAME), and MILLRACE_SNAPSHOTS__ENDPOINT",
        ) from error


def _config(url: str, endpoint: str) -> dict[str, str]:
    if not endpoint:
        return {}
    return {"base_url" if urlsplit(url).scheme == "gs" else "endpoint": endpoint}


def _cause(error: BaseException) -> str:
    """The client's text on one line, without details for its developers, pages of XML, or signatures in addresses."""
    text = str(error).partition("\n\nDebug source")[0]
    message = re.search(r"<Message>(.*?)</Message>", text, re.DOTALL)
    plain = re.sub(r"\?\S*", "", text.partition("<")[0]).strip(" :\n")
    return " ".join((f"{plain}: {message[1]}" if message else plain).split())
