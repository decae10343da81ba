"""What `millrace doctor` says where something is wrong; with real services: integration/test_doctor.py."""

import importlib.metadata
import sys
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from worker import doctor
from worker.adapters.memory import MemorySnapshots
from worker.doctor import Finding, examine
from worker.embedded.ports import free_ports
from worker.ports import ManifestName
from worker.settings import Settings, load
from worker.snapshot_stores import open_snapshots


def settings(tmp_path: Path, **overrides: Any) -> Settings:
    """Settings without addresses, in a folder that is there."""
    return load(overrides={"snapshots.directory": tmp_path, **overrides}, environment={})


def found(settings: Settings, name: str) -> Finding:
    return next(finding for finding in examine(settings) if finding.name == name)


def test_what_is_in_order_has_no_remedy_and_all_else_has_one(tmp_path: Path) -> None:
    findings = examine(settings(tmp_path))
    assert [finding.name for finding in findings if finding.ok] == ["python", "libraries", "crc32c", "lz4", "disk"]
    assert all(bool(finding.remedy) != finding.ok for finding in findings)


def test_an_object_store_is_tried_and_left_as_it_was(tmp_path: Path, bucket: str, s3: str) -> None:
    tried = settings(tmp_path, **{"snapshots.url": f"s3://{bucket}/prefix", "snapshots.endpoint": s3})
    assert found(tried, "snapshots").detail == f"s3://{bucket}/prefix: 0 manifest(s), may be read and written"
    assert open_snapshots(tried.snapshots).manifests() == []


def test_an_object_store_that_lets_manifests_be_overwritten_is_a_finding() -> None:
    class Careless(MemorySnapshots):
        @override
        def create_manifest(self, name: ManifestName, content: bytes) -> None:
            self._manifests[name] = content

    finding = doctor._store(Careless(), "s3://bucket")
    assert not finding.ok
    assert "If-None-Match" in finding.remedy


def test_an_object_store_that_is_not_there_is_a_finding(tmp_path: Path, bucket: str, s3: str) -> None:
    tried = settings(tmp_path, **{"snapshots.url": f"s3://{bucket}-no", "snapshots.endpoint": s3})
    finding = found(tried, "snapshots")
    assert not finding.ok
    assert "bucket does not exist" in finding.detail
    assert "credentials" in finding.remedy


def test_without_addresses_it_names_the_settings(tmp_path: Path) -> None:
    assert "MILLRACE_KAFKA__BOOTSTRAP_SERVERS" in found(settings(tmp_path), "kafka").remedy
    assert "MILLRACE_REDIS__URL" in found(settings(tmp_path), "redis").remedy


def test_services_that_do_not_answer_are_named_without_the_password(tmp_path: Path) -> None:
    kafka_port, redis_port = free_ports(2)
    findings = examine(
        settings(
            tmp_path,
            **{
                "kafka.bootstrap_servers": f"127.0.0.1:{kafka_port}",
                "kafka.connect_timeout_seconds": 0.3,
                "redis.url": f"redis://user:secret@127.0.0.1:{redis_port}/0",
            },
        )
    )
    details = {finding.name: finding.detail for finding in findings if not finding.ok}
    assert details.keys() == {"kafka", "redis"}
    assert f"127.0.0.1:{kafka_port}" in details["kafka"]
    assert f"127.0.0.1:{redis_port}" in details["redis"]
    assert "secret" not in str(findings)


def test_a_redis_address_of_another_kind_is_a_finding(tmp_path: Path) -> None:
    finding = found(settings(tmp_path, **{"redis.url": "http://localhost"}), "redis")
    assert not finding.ok
    assert "MILLRACE_REDIS__URL is no address" in finding.detail
    assert "redis://" in finding.remedy


@pytest.mark.parametrize("library", ["crc32c", "lz4"])
def test_a_missing_extension_is_a_finding(tmp_path: Path, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.setitem(sys.modules, f"{library}.frame", None)
    assert found(settings(tmp_path), library).remedy == f"install kafka-python[{library}]"


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LIBRARIES", ("numpy", "no-such-library"))
    finding = found(settings(tmp_path), "libraries")
    assert finding.detail == f"numpy {importlib.metadata.version('numpy')}"
    assert "no-such-library" in finding.remedy


def test_a_snapshot_folder_that_does_not_exist_yet_is_judged_by_its_parent(tmp_path: Path) -> None:
    directory = tmp_path / "not" / "yet"
    finding = found(settings(tmp_path, **{"snapshots.directory": directory}), "disk")
    assert finding.ok
    assert str(directory) in finding.detail
    assert not directory.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder that not even root may write to")
def test_a_snapshot_folder_that_cannot_be_written_is_a_finding(tmp_path: Path) -> None:
    finding = found(settings(tmp_path, **{"snapshots.directory": Path("/proc/self")}), "disk")
    assert "not writable" in finding.detail
    assert "MILLRACE_SNAPSHOTS__DIRECTORY" in finding.remedy


def test_a_disk_that_is_nearly_full_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "MIN_FREE_BYTES", sys.maxsize)
    assert not found(settings(tmp_path), "disk").ok


def test_a_check_that_breaks_is_a_finding_and_not_an_exception(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("surprise")

    monkeypatch.setattr(doctor, "_lz4", broken)
    finding = found(settings(tmp_path), "lz4")
    assert finding.detail == "could not be examined: RuntimeError: surprise"
