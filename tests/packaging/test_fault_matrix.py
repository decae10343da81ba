"""Each fault in docs/delivery.md has a test that injects it."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
LEAST_ROWS = 30
DEFINED = re.compile(r"^def (test_\w+)\(", re.MULTILINE)


def rows() -> list[list[str]]:
    """The cells of the table of faults, less its head and the headings in it."""
    section = (ROOT / "docs" / "delivery.md").read_text().split("## Faults\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("| ") and not line.startswith("| **")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def defined() -> set[str]:
    """The names of all tests."""
    return {name for path in (ROOT / "tests").rglob("test_*.py") for name in DEFINED.findall(path.read_text())}


def test_each_row_names_tests_that_there_are() -> None:
    known = defined()
    for fault, *others, tests in rows():
        named = re.findall(r"`(\w+)`", tests)
        assert named, f"no test injects {fault}"
        assert set(named) <= known, f"{fault}: {set(named) - known} is no test"
        assert len(others) == 3, f"{fault} has {len(others)} cells in between"


def test_there_are_enough_rows_and_none_twice() -> None:
    faults = [row[0] for row in rows()]
    assert len(faults) >= LEAST_ROWS
    assert len(faults) == len(set(faults))


def test_no_test_of_a_fault_is_skipped() -> None:
    for path in (ROOT / "tests" / "integration").glob("test_faults*.py"):
        assert "skip" not in re.findall(r"pytest\.(?:mark\.)?(skip|xfail)", path.read_text()), path.name


def test_every_test_that_the_page_names_is_there() -> None:
    named = re.findall(r"`(test_\w+)`", (ROOT / "docs" / "delivery.md").read_text())
    assert set(named) - defined() == set()
