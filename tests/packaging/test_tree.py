"""Rules for the files of the project themselves."""

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAX_LINES = 400
NOT_WRITTEN_BY_HAND = {"requirements.lock", "LICENSE"}
FOLDERS = (".ci", "deploy", "docs", "models", "producers", "tests", "worker")
TEXT = {".md", ".py", ".toml", ".yaml", ".yml", ".lua", ".html", ".js", ".css", ".json", ""}
# In pieces, so that this file passes its own test.
HOSTS = ["py" + "pi.org", "python" + "hosted.org", "maven" + ".org", "apache.org/" + "maven", "npm" + "js"]
MACHINE_PATHS = ["/" + top + "/" for top in ("work", "root", "home", "Users", "opt")]


def texts() -> Iterator[tuple[str, str]]:
    """Path and content of every text file of the project."""
    for path in sorted(ROOT.iterdir()):
        if path.is_file():
            yield path.name, path.read_text()
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and path.suffix in TEXT and "__pycache__" not in path.parts:
                yield path.relative_to(ROOT).as_posix(), path.read_text()


def test_no_file_is_long() -> None:
    long = {name: lines for name, text in texts() if (lines := text.count("\n")) > MAX_LINES}
    assert long.keys() - NOT_WRITTEN_BY_HAND == set()


def test_no_file_names_a_folder_of_someones_machine() -> None:
    machine = re.compile(r"(?<![\w.}/-])(?:" + "|".join(MACHINE_PATHS) + ")")
    assert [name for name, text in texts() if machine.search(text)] == []


def test_no_file_names_the_host_of_a_package_registry() -> None:
    assert [name for name, text in texts() if any(host in text for host in HOSTS)] == []


def test_importing_the_worker_package_loads_nothing() -> None:
    assert (ROOT / "worker" / "__init__.py").read_bytes() == b""


def test_the_newest_entry_of_the_changelog_is_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    entries = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert entries[0] == version


def test_the_readme_names_the_licence_and_credits_the_data() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "Apache" in readme
    assert "CC BY 4.0" in readme
    assert "Daqing Chen" in readme


def test_ci_runs_what_the_readme_tells_people_to_run() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    last = script.read_text().splitlines()[-1]
    assert last == "make test"
    assert last in (ROOT / "README.md").read_text()
