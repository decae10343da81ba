"""The corpus of a target: one archive, of inputs named by their content."""

import hashlib
import zipfile
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "corpus"
ALWAYS = (1980, 1, 1, 0, 0, 0)  # so that the same inputs make the same archive


def archive_of(name: str) -> Path:
    """Where it lies."""
    return FOLDER / f"{name}.zip"


def recorded(name: str) -> list[bytes]:
    """All inputs of a target; none where none were recorded."""
    if not archive_of(name).exists():
        return []
    with zipfile.ZipFile(archive_of(name)) as archive:
        return [archive.read(entry) for entry in archive.namelist()]


def record(name: str, inputs: Iterable[bytes]) -> None:
    """Puts these in place of what was recorded."""
    named = {hashlib.sha256(content).hexdigest()[:16]: content for content in inputs}
    FOLDER.mkdir(exist_ok=True)
    with zipfile.ZipFile(archive_of(name), "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for entry in sorted(named):
            archive.writestr(zipfile.ZipInfo(entry, ALWAYS), named[entry], zipfile.ZIP_DEFLATED)
