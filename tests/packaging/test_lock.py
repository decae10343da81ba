"""requirements.lock: all that pyproject.toml asks for, pinned by content, without an address."""

import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PIN = re.compile(r"(?P<requirement>[a-z0-9-]+==[^ ]+(?: ; [^\\]+)?) \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")
PYTHONS = ("3.11", "3.12")


def asked_for() -> list[Requirement]:
    """Dependencies of every kind: the package's, its extras', the developers', the build's."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"].values()
    groups = project["dependency-groups"].values()
    everything = chain(project["project"]["dependencies"], *extras, *groups, project["build-system"]["requires"])
    return list(map(Requirement, everything))


def lines() -> list[str]:
    """Without comments."""
    text = (ROOT / "requirements.lock").read_text()
    return [line for line in text.splitlines() if not line.lstrip().startswith("#")]


@pytest.fixture(scope="module")
def pins() -> list[Requirement]:
    """Every pinned version, with the marker that says where it holds."""
    return [Requirement(match["requirement"]) for match in map(PIN.fullmatch, lines()) if match]


def version_for(python: str, requirement: Requirement, pins: list[Requirement]) -> str:
    """The one version that the lock chooses on this Python on Linux."""
    place = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
    name = canonicalize_name(requirement.name)
    (pin,) = (each for each in pins if each.name == name and (each.marker is None or each.marker.evaluate(place)))
    return str(pin.specifier).removeprefix("==")


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("requirement", asked_for(), ids=str)
def test_what_pyproject_asks_for_is_pinned(python: str, requirement: Requirement, pins: list[Requirement]) -> None:
    assert version_for(python, requirement, pins) in requirement.specifier


def test_the_lock_holds_pins_and_hashes_only() -> None:
    assert [line for line in lines() if not PIN.fullmatch(line) and not HASH.fullmatch(line)] == []


def test_every_pin_has_a_hash() -> None:
    kinds = "".join("p" if PIN.fullmatch(line) else "h" for line in lines())
    assert "pp" not in kinds
    assert kinds.endswith("h")


def test_the_lock_holds_no_address() -> None:
    assert "://" not in (ROOT / "requirements.lock").read_text()
