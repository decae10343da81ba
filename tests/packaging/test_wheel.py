"""What is installed by whoever installs Millrace."""

import subprocess
import sys
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {"models", "producers", "worker"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    """The root of the wheel as it would be published."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (built,) = folder.iterdir()
    return zipfile.Path(built)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.Path) -> Message:
    """What package indexes show of it."""
    (folder,) = (each for each in wheel.iterdir() if each.name.endswith(".dist-info"))
    return Parser().parsestr((folder / "METADATA").read_text())


def test_the_wheel_holds_the_three_packages_and_nothing_else(wheel: zipfile.Path) -> None:
    names = {each.name for each in wheel.iterdir() if not each.name.endswith(".dist-info")}
    assert names == PACKAGES


def test_the_wheel_holds_every_file_of_the_packages(wheel: zipfile.Path) -> None:
    there = {name for name in wheel.root.namelist() if name.split("/")[0] in PACKAGES and not name.endswith("/")}
    files = {path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file()}
    assert there == {path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts}


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_type_checkers_trust_each_package(wheel: zipfile.Path, package: str) -> None:
    assert (wheel / package / "py.typed").exists()


def test_the_sample_comes_with_its_credit_and_licence(wheel: zipfile.Path) -> None:
    data = wheel / "producers" / "data"
    samples = [each.name for each in data.iterdir() if each.name.endswith(".parquet")]
    credits_text = (data / "CREDITS.md").read_text()
    assert samples
    assert all(name in credits_text for name in samples)
    assert "CC BY 4.0" in credits_text


def test_the_command_comes_with_the_wheel(wheel: zipfile.Path) -> None:
    (folder,) = (each for each in wheel.iterdir() if each.name.endswith(".dist-info"))
    assert "millrace = worker.cli:main" in (folder / "entry_points.txt").read_text()
    assert "Apache License" in (folder / "licenses" / "LICENSE").read_text()


def test_the_metadata_is_what_pyproject_says(metadata: Message) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert metadata["Name"] == "millrace"
    assert metadata["Version"] == project["version"]
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert len(metadata.get_all("Requires-Dist", [])) == len(project["dependencies"]) + sum(
        map(len, project["optional-dependencies"].values())
    )
