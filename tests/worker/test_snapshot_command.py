"""`millrace snapshot` on a folder."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.support.member import Member, shop
from worker.adapters.file_snapshots import FileSnapshots
from worker.cli import app
from worker.errors import SnapshotError


@pytest.fixture
def folder(tmp_path: Path, no_settings_from_outside: None) -> Path:
    """Holds two snapshots of one worker, after 30 events and after 60, and the claim before them."""
    store = FileSnapshots(tmp_path / "snapshots")
    Member(store).take(0).learn(*shop(30)).write().learn(*shop(30, seed=4)).write()
    return tmp_path / "snapshots"


def invoke(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["snapshot", *arguments, "--set", f"snapshots.directory={folder}"])


def printed(folder: Path, *arguments: str) -> str:
    result = invoke(folder, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_all_snapshots_are_listed(folder: Path, tmp_path: Path) -> None:
    lines = printed(folder, "list").splitlines()
    assert [line.split()[0] for line in lines] == ["snapshot", "w-0/1", "w-0/2", "w-0/3"]
    assert "0: 60" in lines[-1]
    assert [each["next_offsets"] for each in json.loads(printed(folder, "list", "--json"))][-1] == {"0": 60}
    assert "no snapshot" in printed(tmp_path / "nowhere", "list")


def test_whole_ones_are_told_from_damaged_ones(folder: Path) -> None:
    assert printed(folder, "verify").count("whole") == 3
    assert json.loads(printed(folder, "verify", "w-0", "--json"))[0]["faults"] == []
    store = FileSnapshots(folder)
    blob = Member(store).log.latest.knowledge
    path = folder / "blobs" / blob
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])
    result = invoke(folder, "verify")
    assert "altered" in result.stdout
    assert isinstance(result.exception, SnapshotError)
    assert "w-0/3" in str(result.exception)


def test_two_are_compared(folder: Path) -> None:
    rows = [line.split() for line in printed(folder, "diff", "w-0/2", "w-0/3").splitlines()]
    assert ["events", "learned", "30", "60"] in rows
    assert json.loads(printed(folder, "diff", "w-0/2", "w-0/3", "--json"))["after"]["events_learned"] == 60


def test_going_back_says_what_was_written(folder: Path) -> None:
    assert printed(folder, "restore", "w-0/2") == "w-0 goes on from snapshot 2, written again as w-0/4\n"
    assert Member(FileSnapshots(folder)).take(0).partitions[0].next_offset == 30


def test_one_is_taken_along(folder: Path, tmp_path: Path) -> None:
    assert "w-0/3 is in" in printed(folder, "export", "w-0", str(tmp_path / "taken"))
    assert [line.split()[0] for line in printed(tmp_path / "taken", "list").splitlines()[1:]] == ["w-0/3"]
