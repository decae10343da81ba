"""The list of licences is of what is locked and installed, and holds none that we may not pass on."""

import re
from pathlib import Path

import pytest

from deploy.licences import (
    DOCUMENT,
    REFUSED,
    UNKNOWN,
    VENDORED,
    Package,
    Vendored,
    document,
    licence_of,
    packages,
    refused,
)

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_packages_say() -> None:
    assert DOCUMENT.read_text() == document(), "run python -m deploy.licences"


def test_every_listed_version_is_the_locked_one() -> None:
    pins = set(re.findall(r"^([a-z0-9-]+)==([^ ]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    listed = packages()
    assert {each.name for each in listed} >= {"numpy", "torch", "redis", "hiredis", "lz4", "crc32c"}
    assert [each for each in listed if (each.name, each.version) not in pins] == []


def test_no_package_is_under_a_licence_that_is_refused() -> None:
    assert refused(packages()) == {}


@pytest.mark.parametrize("vendored", VENDORED, ids=lambda each: each.name)
def test_what_lies_in_the_source_lies_beside_its_licence(vendored: Vendored) -> None:
    says = {"MIT": "The MIT License", "MPL-2.0": "Mozilla Public License, version 2.0"}[vendored.licence]
    assert says in (vendored.script.parent / "LICENSE").read_text("utf-8")
    assert vendored.version != UNKNOWN
    assert not REFUSED.search(vendored.licence)


def test_all_that_lies_in_the_source_as_it_came_is_listed() -> None:
    folders = {path for place in ("worker", "tests") for path in (ROOT / place).glob("**/vendor/*")}
    assert folders == {each.script.parent for each in VENDORED}


@pytest.mark.parametrize(
    "licence",
    [
        *("GPL-3.0-only", "AGPL-3.0-or-later", "MIT AND GPL-2.0-or-later", UNKNOWN, "SSPL-1.0", "BUSL-1.1"),
        "GNU General Public License v3 (GPLv3)",
        "GNU Affero General Public License v3",
    ],
)
def test_a_licence_that_binds_who_passes_it_on_or_is_unknown_is_refused(licence: str) -> None:
    assert refused([Package("x", "1", licence)]) == {"x": licence}


@pytest.mark.parametrize(
    "licence",
    [
        *("MIT", "Apache-2.0 WITH LLVM-exception", "LGPL-2.1-or-later"),
        "GNU Lesser General Public License v2 or later (LGPLv2+)",
    ],
)
def test_a_licence_that_lets_us_use_the_package_is_taken(licence: str) -> None:
    assert refused([Package("x", "1", licence)]) == {}


def test_a_package_says_its_licence_by_expression_then_classifiers_then_text() -> None:
    said: dict[str, str | list[str]] = {
        "license_expression": "MIT",
        "classifier": ["Topic :: Software", "License :: OSI Approved :: BSD License"],
        "license": "BSD\nAll rights",
    }
    for expected in ("MIT", "BSD License", "BSD", UNKNOWN):
        assert licence_of(said) == expected
        del said[{"MIT": "license_expression", "BSD License": "classifier", "BSD": "license"}.get(expected, "license")]
        said.setdefault("license", "")
