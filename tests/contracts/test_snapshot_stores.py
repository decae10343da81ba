"""Every snapshot store: blobs by content, manifests created once, in order."""

import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from worker.errors import OwnershipLost, SnapshotError
from worker.ports import ManifestName, SnapshotStore


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=2000))
def test_a_blob_is_named_by_its_content_and_read_back(snapshot_store: SnapshotStore, content: bytes) -> None:
    name = snapshot_store.write_blob(content)
    assert name == hashlib.sha256(content).hexdigest()
    assert snapshot_store.write_blob(content) == name
    assert snapshot_store.read_blob(name) == content
    assert name in snapshot_store.blobs()


def test_a_blob_that_is_missing_is_a_snapshot_error(snapshot_store: SnapshotStore) -> None:
    with pytest.raises(SnapshotError):
        snapshot_store.read_blob("0" * 64)


def test_a_manifest_is_created_only_once(snapshot_store: SnapshotStore) -> None:
    name = ManifestName("w-0", 1)
    snapshot_store.create_manifest(name, b"first")
    for content in (b"second", b"first"):
        with pytest.raises(OwnershipLost):
            snapshot_store.create_manifest(name, content)
    assert snapshot_store.read_manifest(name) == b"first"


def test_a_manifest_that_is_missing_is_a_snapshot_error(snapshot_store: SnapshotStore) -> None:
    with pytest.raises(SnapshotError):
        snapshot_store.read_manifest(ManifestName("w-0", 1))


def test_each_workers_manifests_are_listed_in_order(snapshot_store: SnapshotStore) -> None:
    names = [ManifestName(instance, sequence) for instance in ("w-0", "w-1") for sequence in (1, 2, 10)]
    for name in reversed(names):
        snapshot_store.create_manifest(name, b"{}")
    assert snapshot_store.manifests() == names


def test_an_empty_store_lists_nothing(snapshot_store: SnapshotStore) -> None:
    assert snapshot_store.manifests() == []
    assert snapshot_store.blobs() == []


def test_dropping_what_is_gone_is_no_error(snapshot_store: SnapshotStore) -> None:
    kept, dropped = snapshot_store.write_blob(b"kept"), snapshot_store.write_blob(b"dropped")
    old, new = ManifestName("w-0", 1), ManifestName("w-0", 2)
    for name in (old, new):
        snapshot_store.create_manifest(name, b"{}")
    for _ in range(2):
        snapshot_store.drop([old], [dropped])
    assert snapshot_store.manifests() == [new]
    assert snapshot_store.blobs() == [kept]
