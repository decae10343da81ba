"""What is peculiar to object stores; what every snapshot store promises: contracts/test_snapshot_stores.py."""

import os
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from tests.support.object_stores import Way, overwrite
from tests.support.snapshots import NO_BLOBS, NO_INSTANCES, assert_one_of_many_writers_wins
from worker.adapters.object_snapshots import ObjectSnapshots
from worker.cli import app
from worker.embedded.ports import free_ports
from worker.errors import ConfigurationError, OwnershipLost, ServiceUnavailable, SnapshotError
from worker.ports import ManifestName, SnapshotStore
from worker.settings import SnapshotSettings
from worker.snapshot_names import MOST_MANIFEST_BYTES
from worker.snapshot_stores import open_snapshots

FIRST = ManifestName("w-0", 1)


def opened(url: str, endpoint: str, request_timeout_seconds: float = 10.0) -> SnapshotStore:
    settings = SnapshotSettings(url=url, endpoint=endpoint, request_timeout_seconds=request_timeout_seconds)
    return open_snapshots(settings)


@pytest.fixture
def way(s3: str) -> Iterator[Way]:
    with Way(s3) as way:
        yield way


@pytest.fixture
def url(bucket: str) -> str:
    return f"s3://{bucket}/some/prefix"


def test_blobs_and_manifests_lie_below_the_prefix(url: str, bucket: str, way: Way) -> None:
    store = opened(url, way.address)
    name = store.write_blob(b"x")
    store.create_manifest(FIRST, b"{}")
    written = [path for method, path in way.requests if method == "PUT"]
    prefix = f"/{bucket}/some/prefix"
    assert written == [f"{prefix}/blobs/{name}", f"{prefix}/workers/w-0/00000001.json"]


def test_stores_of_different_prefixes_do_not_see_each_other(s3: str, bucket: str) -> None:
    one, other = opened(f"s3://{bucket}/one", s3), opened(f"s3://{bucket}/one/more", s3)
    one.create_manifest(FIRST, b"{}")
    other.write_blob(b"x")
    assert other.manifests() == []
    assert one.blobs() == []


@pytest.mark.parametrize("name", NO_BLOBS)
def test_a_name_that_is_no_blobs_is_never_asked_for(url: str, way: Way, name: str) -> None:
    store = opened(url, way.address)
    for ask in (store.read_blob, lambda name: store.drop([], [name])):
        with pytest.raises(SnapshotError, match="names no blob"):
            ask(name)
    assert way.requests == []


@pytest.mark.parametrize("instance", NO_INSTANCES)
def test_an_instance_name_that_could_leave_its_prefix_is_never_asked_for(url: str, way: Way, instance: str) -> None:
    store, name = opened(url, way.address), ManifestName(instance, 1)
    for ask in (lambda: store.create_manifest(name, b"{}"), lambda: store.read_manifest(name)):
        with pytest.raises(ConfigurationError, match="cannot name"):
            ask()
    assert way.requests == []


def test_a_blob_or_manifest_that_is_too_large_is_refused_before_it_is_read(url: str, way: Way) -> None:
    generous = opened(url, way.address)
    name = generous.write_blob(b"x" * 11)
    generous.create_manifest(FIRST, b" " * (MOST_MANIFEST_BYTES + 1))
    store = ObjectSnapshots(url, way.address, 10.0, most_blob_bytes=10)
    way.requests.clear()
    with pytest.raises(SnapshotError, match="has 11 bytes, over the limit of 10"):
        store.read_blob(name)
    with pytest.raises(SnapshotError, match="over the limit of 16777216"):
        store.read_manifest(FIRST)
    with pytest.raises(SnapshotError, match="has 12 bytes, over the limit of 10"):
        store.write_blob(b"x" * 12)
    assert {method for method, _ in way.requests} == {"HEAD"}, "sizes were asked for, and nothing else"


def test_a_blob_of_many_pieces_is_read_back_and_written_only_once(url: str, way: Way) -> None:
    store = opened(url, way.address)
    content = os.urandom(20_000_001)
    name = store.write_blob(content)
    assert store.read_blob(name) == content
    way.requests.clear()
    assert store.write_blob(content) == name
    assert [method for method, _ in way.requests] == ["HEAD"]


def test_a_blob_that_was_altered_is_refused(url: str, s3: str) -> None:
    store = opened(url, s3)
    name = store.write_blob(b"content")
    overwrite(f"{url}/blobs/{name}", s3, b"cOntent")
    with pytest.raises(SnapshotError, match="altered"):
        store.read_blob(name)


def test_of_many_writers_of_one_manifest_exactly_one_wins(url: str, s3: str) -> None:
    assert_one_of_many_writers_wins(lambda: opened(url, s3))


def test_a_manifest_whose_acknowledgement_was_lost_is_ours_all_the_same(url: str, way: Way) -> None:
    store = opened(url, way.address)
    way.fault = lambda method: "lose" if method == "PUT" else "pass"
    store.create_manifest(FIRST, b"{}")
    assert [method for method, _ in way.requests].count("PUT") == 1, "a create is not repeated blindly"
    way.fault = lambda _: "pass"
    assert opened(url, way.address).read_manifest(FIRST) == b"{}"
    with pytest.raises(OwnershipLost):
        store.create_manifest(FIRST, b"{}")


def test_a_manifest_that_never_arrived_is_a_snapshot_error(url: str, way: Way) -> None:
    store = opened(url, way.address, request_timeout_seconds=1.0)
    way.fault = lambda method: "503" if method == "PUT" else "pass"
    with pytest.raises(SnapshotError, match=r"cannot write s3://.*503"):
        store.create_manifest(FIRST, b"{}")
    way.fault = lambda _: "pass"
    store.create_manifest(FIRST, b"{}")


def test_manifests_are_read_once(url: str, s3: str, way: Way) -> None:
    opened(url, s3).create_manifest(FIRST, b"{}")
    store = opened(url, way.address)
    assert store.read_manifest(FIRST) == store.read_manifest(FIRST) == b"{}"
    assert len([path for method, path in way.requests if method == "GET"]) == 1
    opened(url, s3).drop([FIRST], [])
    assert store.manifests() == []
    with pytest.raises(SnapshotError, match="missing"):
        store.read_manifest(FIRST)


@pytest.mark.parametrize("status", ["401", "403"])
def test_who_may_not_is_told_to_look_at_the_credentials(url: str, way: Way, status: str) -> None:
    way.fault = lambda _: status
    store = opened(url, way.address)
    with pytest.raises(SnapshotError, match=f"cannot write .*({status}|permissions)") as refused:
        store.write_blob(b"x")
    assert "credentials" in refused.value.remedy
    with pytest.raises(ServiceUnavailable, match="cannot read"):
        store.manifests()


def test_a_bucket_that_is_not_there_is_named(s3: str, bucket: str) -> None:
    store = opened(f"s3://{bucket}-no/prefix", s3)
    with pytest.raises(SnapshotError, match=f"{bucket}-no.*bucket does not exist"):
        store.write_blob(b"x")
    with pytest.raises(SnapshotError, match="bucket does not exist"):
        store.create_manifest(FIRST, b"{}")
    with pytest.raises(ServiceUnavailable, match="bucket does not exist") as refused:
        store.manifests()
    assert "see that it exists" in refused.value.remedy


def test_what_does_not_answer_is_told_from_what_is_missing(bucket: str) -> None:
    (port,) = free_ports(1)
    store = opened(f"s3://{bucket}/prefix", f"http://127.0.0.1:{port}", request_timeout_seconds=1.0)
    for read in (store.manifests, store.blobs, lambda: store.read_manifest(FIRST), lambda: store.read_blob("0" * 64)):
        with pytest.raises(ServiceUnavailable, match="cannot read"):
            read()
    for write in (lambda: store.write_blob(b"x"), lambda: store.drop([FIRST], [])):
        with pytest.raises(SnapshotError, match="cannot write"):
            write()


@pytest.mark.usefixtures("no_settings_from_outside")
def test_a_worker_whose_store_does_not_answer_at_the_start_ends_with_3(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    monkeypatch.setenv("MILLRACE_KAFKA__BOOTSTRAP_SERVERS", address)
    monkeypatch.setenv("MILLRACE_REDIS__URL", f"redis://{address}")
    monkeypatch.setenv("MILLRACE_SNAPSHOTS__URL", f"s3://{bucket}/prefix")
    monkeypatch.setenv("MILLRACE_SNAPSHOTS__ENDPOINT", f"http://{address}")
    monkeypatch.setenv("MILLRACE_SNAPSHOTS__REQUEST_TIMEOUT_SECONDS", "1")
    error = CliRunner().invoke(app, ["worker"]).exception
    assert isinstance(error, ServiceUnavailable)
    assert (error.exit_code, f"s3://{bucket}/prefix" in str(error)) == (3, True)


def test_a_store_that_hangs_costs_no_more_than_the_time_limit_says(url: str, way: Way) -> None:
    way.fault = lambda _: "hang"
    store = opened(url, way.address, request_timeout_seconds=0.5)
    with pytest.raises(SnapshotError, match="cannot write"):
        store.create_manifest(FIRST, b"{}")
    with pytest.raises(ServiceUnavailable):
        store.manifests()


def test_errors_are_one_line_without_what_only_developers_need(url: str, way: Way) -> None:
    way.fault = lambda _: "400"
    with pytest.raises(ServiceUnavailable) as refused:
        opened(url, way.address).manifests()
    assert "\n" not in str(refused.value)
    assert "Debug" not in str(refused.value)
    assert "list-type" not in str(refused.value), "the query may hold a signature"
