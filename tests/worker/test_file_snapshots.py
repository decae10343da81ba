import os
import time
from pathlib import Path

import pytest

from tests.support.snapshots import NO_BLOBS, NO_INSTANCES, assert_one_of_many_writers_wins
from worker.adapters.file_snapshots import ABANDONED_SECONDS, FileSnapshots
from worker.errors import ConfigurationError, SnapshotError
from worker.ports import ManifestName
from worker.snapshot_names import MOST_MANIFEST_BYTES

FIRST = ManifestName("w-0", 1)


@pytest.fixture
def store(tmp_path: Path) -> FileSnapshots:
    return FileSnapshots(tmp_path)


def test_blobs_and_manifests_lie_where_the_documentation_says(store: FileSnapshots, tmp_path: Path) -> None:
    name = store.write_blob(b"x")
    store.create_manifest(FIRST, b"{}")
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {f"blobs/{name}", "workers/w-0/00000001.json"}


def test_a_blob_with_one_altered_bit_is_refused(store: FileSnapshots, tmp_path: Path) -> None:
    name = store.write_blob(b"content")
    (tmp_path / "blobs" / name).write_bytes(b"cOntent")
    with pytest.raises(SnapshotError, match="altered"):
        store.read_blob(name)


def test_a_blob_that_was_cut_short_is_written_again(store: FileSnapshots, tmp_path: Path) -> None:
    name = store.write_blob(b"content")
    (tmp_path / "blobs" / name).write_bytes(b"con")
    store.write_blob(b"content")
    assert store.read_blob(name) == b"content"


@pytest.mark.parametrize("name", NO_BLOBS)
def test_a_name_that_is_no_blobs_is_refused(store: FileSnapshots, name: str) -> None:
    with pytest.raises(SnapshotError):
        store.read_blob(name)
    with pytest.raises(SnapshotError):
        store.drop([], [name])


@pytest.mark.parametrize("instance", NO_INSTANCES)
def test_an_instance_name_that_could_leave_its_folder_is_refused(store: FileSnapshots, instance: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot name"):
        store.create_manifest(ManifestName(instance, 1), b"{}")
    with pytest.raises(ConfigurationError, match="cannot name"):
        store.read_manifest(ManifestName(instance, 1))


def sparse(path: Path, size_bytes: int) -> None:
    """A file of zeros that takes no room on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size_bytes)


def test_a_blob_or_manifest_that_is_too_large_is_refused_before_it_is_read(
    store: FileSnapshots, tmp_path: Path
) -> None:
    sparse(tmp_path / "blobs" / ("0" * 64), 1 << 40)
    sparse(tmp_path / "workers" / "w-0" / "00000001.json", MOST_MANIFEST_BYTES + 1)
    with pytest.raises(SnapshotError, match="over the limit of 4294967296") as refused:
        store.read_blob("0" * 64)
    assert "memory.items_bytes" in refused.value.remedy
    with pytest.raises(SnapshotError, match="over the limit of 16777216"):
        store.read_manifest(FIRST)


def test_a_blob_of_the_largest_size_is_taken_and_of_one_byte_more_is_not_written(tmp_path: Path) -> None:
    store = FileSnapshots(tmp_path, most_blob_bytes=10)
    assert store.read_blob(store.write_blob(b"x" * 10)) == b"x" * 10
    with pytest.raises(SnapshotError, match="has 11 bytes, over the limit of 10"):
        store.write_blob(b"x" * 11)
    assert len(store.blobs()) == 1


def test_what_is_no_file_is_not_waited_for(store: FileSnapshots, tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    os.mkfifo(tmp_path / "blobs" / ("0" * 64))
    with pytest.raises(SnapshotError, match="is no file"):
        store.read_blob("0" * 64)


def test_of_many_writers_of_one_manifest_exactly_one_wins(store: FileSnapshots) -> None:
    assert_one_of_many_writers_wins(lambda: store)


def test_a_folder_that_cannot_be_written_is_a_snapshot_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = FileSnapshots(tmp_path / "file")
    with pytest.raises(SnapshotError, match="cannot write") as caught:
        store.write_blob(b"x")
    assert "MILLRACE_SNAPSHOTS__DIRECTORY" in caught.value.remedy
    with pytest.raises(SnapshotError, match="cannot write"):
        store.create_manifest(FIRST, b"{}")


def test_what_a_killed_worker_left_unfinished_is_ignored_and_later_removed(
    store: FileSnapshots, tmp_path: Path
) -> None:
    store.write_blob(b"x")
    young, old = tmp_path / "unfinished" / "young", tmp_path / "unfinished" / "old"
    for path in (young, old):
        path.write_bytes(b"half")
    long_ago = time.time() - ABANDONED_SECONDS - 1
    os.utime(old, (long_ago, long_ago))
    assert len(store.blobs()) == 1
    store.drop([], [])
    assert young.exists()
    assert not old.exists()


def test_files_of_others_are_not_ours(store: FileSnapshots, tmp_path: Path) -> None:
    store.create_manifest(FIRST, b"{}")
    (tmp_path / "workers" / "w-0" / "notes.json").write_text("{}")
    store.write_blob(b"x")
    (tmp_path / "blobs" / "README").write_text("")
    assert store.manifests() == [FIRST]
    assert len(store.blobs()) == 1
