"""Which store the settings choose."""

import sys
from pathlib import Path

import pytest

from models.budget import item_cost, user_cost
from models.registry import ALL_EXPERTS
from worker.adapters.file_snapshots import FileSnapshots
from worker.errors import ConfigurationError
from worker.settings import EventSettings, MemorySettings, SnapshotSettings
from worker.snapshot_stores import directory_of, most_blob_bytes, open_snapshots


def test_without_an_address_it_is_the_folder(tmp_path: Path) -> None:
    settings = SnapshotSettings(directory=tmp_path)
    assert directory_of(settings) == tmp_path
    assert isinstance(open_snapshots(settings), FileSnapshots)


def test_a_blob_fits_its_limit_even_where_all_ids_are_as_long_as_can_be() -> None:
    longest_bytes = 4 * EventSettings().max_id_characters  # of an item, and of one at the door
    for cost in (item_cost(ALL_EXPERTS), item_cost(), user_cost()):
        rows = 1_000_000
        memory = MemorySettings(items_bytes=cost.of(rows), users_bytes=1)
        assert most_blob_bytes(memory) > rows * (cost.row_bytes + 2 * longest_bytes)


def test_the_address_of_a_folder_is_that_folder_with_all_its_durability(tmp_path: Path) -> None:
    settings = SnapshotSettings(url=f"file://{tmp_path}/a%20b")
    assert directory_of(settings) == tmp_path / "a b"
    assert isinstance(open_snapshots(settings), FileSnapshots)


@pytest.mark.parametrize("url", ["ftp://host/x", "http://host/x", "bucket/x", "memory:///"])
def test_an_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be kept in") as refused:
        open_snapshots(SnapshotSettings(url=url))
    assert "s3" in refused.value.remedy


def test_without_the_extra_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.delitem(sys.modules, "worker.adapters.object_snapshots", raising=False)
    with pytest.raises(ConfigurationError, match="not installed") as refused:
        open_snapshots(SnapshotSettings(url="s3://bucket/prefix"))
    assert "millrace[object-store]" in refused.value.remedy


@pytest.mark.usefixtures("s3")  # where there is a server, there is a client
def test_an_address_that_the_client_refuses_is_an_error_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_ACCOUNT_NAME"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(ConfigurationError, match=r"az://container.*Account must be specified"):
        open_snapshots(SnapshotSettings(url="az://container/prefix"))


@pytest.mark.usefixtures("s3")
@pytest.mark.parametrize("url", ["s3://bucket/prefix", "gs://bucket/prefix", "az://container/prefix"])
def test_each_providers_store_opens_without_being_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    assert open_snapshots(SnapshotSettings(url=url, endpoint="http://127.0.0.1:1"))
