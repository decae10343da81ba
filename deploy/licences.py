"""The licences of what Millrace runs on, `docs/licences.md`, as the packages themselves say.

`python -m deploy.licences` writes it. Listed is what the lock pins for a plain installation on Linux; of extras, only
those that whoever installs them chooses are left out.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "licences.md"

UNKNOWN = "unknown"
REFUSED = re.compile(r"(?<!L)A?GPL|(?<!Lesser )General Public License|Affero|SSPL|BUSL|unknown", re.IGNORECASE)
# What the packages do not say themselves, and what of it is no open source: with why it may be here all the same.
EXPLAINED = {
    "cuda-toolkit": "no file but metadata: it names the versions of NVIDIA's libraries, which say their own licences",
}

INTRODUCTION = """# Licences

What a plain installation of Millrace (Apache-2.0) runs on, on Linux, and the licence that each package's metadata
states. Packages of NVIDIA come with the CUDA build of torch only; the image has its CPU build.

This page is made by `python -m deploy.licences`; a test compares it with what is installed, and refuses packages under
the GPL, the AGPL or no known licence. LGPL libraries are used as they are, as modules of their own.

| package | version | licence |
| --- | --- | --- |
"""


VENDORED_INTRODUCTION = """
What lies in the source as it came, each beside its licence:

| package | version | licence | where |
| --- | --- | --- | --- |
"""


class Package(NamedTuple):
    """One that runs with Millrace."""

    name: str
    version: str
    licence: str


class Vendored(NamedTuple):
    """One that lies in the source.

    Attributes:
        script: its file, whose first lines name the version.
    """

    name: str
    licence: str
    script: Path

    @property
    def version(self) -> str:
        """As the file says."""
        found = re.search(r"v(\d+\.\d+\.\d+)", self.script.read_text("utf-8")[:200])
        return found[1] if found else UNKNOWN


VENDORED = (
    Vendored("axe-core", "MPL-2.0", ROOT / "tests" / "browser" / "vendor" / "axe-core" / "axe.min.js"),
    Vendored("uplot", "MIT", ROOT / "worker" / "console" / "vendor" / "uplot" / "uPlot.iife.min.js"),
)


def packages() -> list[Package]:
    """All that a plain installation has, by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found: dict[str, Package] = {}
    waiting = [Requirement(each) for each in project["dependencies"]]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        asked = waiting.pop()
        key = canonicalize_name(asked.name), frozenset(asked.extras)
        if key in seen:
            continue
        seen.add(key)
        there = _installed(key[0])
        if there is None:
            continue
        found[key[0]] = Package(key[0], there.version, licence_of(there.metadata.json))
        waiting += _asked_by(there, asked.extras)
    return sorted(found.values())


def refused(listed: list[Package]) -> dict[str, str]:
    """Those that may not be here, with their licences."""
    return {each.name: each.licence for each in listed if each.name not in EXPLAINED and REFUSED.search(each.licence)}


def document() -> str:
    """The text of `docs/licences.md`."""
    return INTRODUCTION + "".join(_rows(packages())) + VENDORED_INTRODUCTION + "".join(_vendored_rows())


def licence_of(metadata: Mapping[str, str | list[str]]) -> str:
    """What a package says of itself: the expression, or else its classifiers, or else the first line of its text."""
    classifiers = [text for text in metadata.get("classifier", []) if text.startswith("License :: ")]
    names = [text.rpartition(" :: ")[2] for text in classifiers]
    line = str(metadata.get("license", "")).strip().partition("\n")[0]
    return str(metadata.get("license_expression", "")) or " OR ".join(sorted(names)) or line or UNKNOWN


def _rows(listed: list[Package]) -> Iterator[str]:
    for each in listed:
        why = EXPLAINED.get(each.name)
        yield f"| {each.name} | {each.version} | {f'none stated: {why}' if why else each.licence} |\n"


def _vendored_rows() -> Iterator[str]:
    for each in VENDORED:
        place = each.script.parent.relative_to(ROOT).as_posix()
        yield f"| {each.name} | {each.version} | {each.licence} | `{place}` |\n"


def _installed(name: str) -> Distribution | None:
    """None for what this machine has no need of: a requirement that holds elsewhere."""
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _asked_by(there: Distribution, extras: set[str]) -> Iterator[Requirement]:
    for each in map(Requirement, there.requires or []):
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in extras or {""}):
            yield each


def main() -> None:
    """Writes the page."""
    DOCUMENT.write_text(document())


if __name__ == "__main__":
    main()
