"""Where compiled kernels are kept: beside the sources, or, where these cannot be written, in a copy of the user's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRINT_FOLDER = "import models.compiled; from numba.core import config; print(config.CACHE_DIR)"


def folder(code: str, **variables: str) -> Path:
    """The folder that a process of its own takes."""
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"} | variables
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True)
    return Path(done.stdout.strip())


@pytest.fixture
def shipped() -> Path:
    """The folder beside the sources, with something in it."""
    beside = folder(PRINT_FOLDER)
    beside.mkdir(parents=True, exist_ok=True)
    return beside


def test_kernels_lie_beside_sources_that_may_be_written(shipped: Path) -> None:
    assert shipped.parent == ROOT / "models" / "__pycache__"


def test_where_sources_are_read_only_what_was_compiled_there_is_copied(shipped: Path, tmp_path: Path) -> None:
    read_only = f"import os; os.access = lambda *_: False; {PRINT_FOLDER}"
    for _again in range(2):  # the second one finds the copy
        copy = folder(read_only, XDG_CACHE_HOME=str(tmp_path))
        assert copy == tmp_path / "millrace" / shipped.name
        assert [each.name for each in copy.parent.iterdir()] == [shipped.name]
    assert {each.name for each in shipped.iterdir()} <= {each.name for each in copy.iterdir()}


def test_a_folder_that_somebody_named_is_left_alone(tmp_path: Path) -> None:
    assert folder(PRINT_FOLDER, NUMBA_CACHE_DIR=str(tmp_path)) == tmp_path
