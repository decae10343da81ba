"""Snapshots that were written by the code of their time, one for each format: `python -m tests.support.kept_snapshots`.

The command keeps one of this format; it is run when the format has changed, and by nothing else.
"""

import tarfile
import tempfile
from pathlib import Path

from tests.support.member import Member, shop
from worker.adapters.file_snapshots import FileSnapshots
from worker.manifest import FORMAT

FOLDER = Path(__file__).parents[1] / "data"
EVENTS = 60


def kept(number: int) -> Path:
    """The archive of a format."""
    return FOLDER / f"snapshot-format-{number}.tar.xz"


def unpacked(archive: Path, folder: Path) -> FileSnapshots:
    """A store with what the archive holds."""
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return FileSnapshots(folder)


def keep() -> Path:
    """A small shop's snapshot as this code writes it."""
    archive = kept(FORMAT)
    with tempfile.TemporaryDirectory() as folder, tarfile.open(archive, "x:xz") as packing:
        Member(FileSnapshots(Path(folder))).take(0).learn(*shop(EVENTS)).write()
        packing.add(folder, ".")
    return archive


if __name__ == "__main__":
    keep()
