"""Every command that the documents show is one that there is."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from worker.cli import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(?:sh|console)?\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(page: Path, program: str) -> list[str]:
    """The lines in a page's code blocks that call the program."""
    joined = (block.replace("\\\n", " ") for block in BLOCK.findall(page.read_text()))
    shown = (line.partition(" #")[0].removesuffix("&").strip() for block in joined for line in block.splitlines())
    return [line.split(program, 1)[1] for line in shown if re.match(rf"(\.venv/bin/)?{program} ", line)]


def cases(program: str) -> list[tuple[str, str]]:
    """Page and arguments, once each."""
    return sorted({(page.name, arguments) for page in PAGES for arguments in commands(page, program)})


@pytest.mark.parametrize(("page", "arguments"), cases("make"))
def test_make_knows_the_documented_target(page: str, arguments: str) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    names = [word for word in shlex.split(arguments) if "=" not in word]
    assert names
    assert set(names) <= set(targets), f"{page} names a target that is not there"


@pytest.mark.parametrize(("page", "arguments"), cases("millrace"))
def test_millrace_takes_the_documented_arguments(page: str, arguments: str) -> None:
    result = CliRunner().invoke(app, [*shlex.split(arguments), "--help"])  # parses all, runs nothing
    assert result.exit_code == 0, f"{page}: {result.output}"


def test_the_readme_shows_both_kinds_of_command() -> None:
    assert {"demo", "test"} <= {arguments.strip() for page, arguments in cases("make") if page == "README.md"}
    assert [arguments for page, arguments in cases("millrace") if page == "README.md"]
