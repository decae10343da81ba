"""Runs commands and checks, and tells in a line each how they went."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

ROOT = Path(__file__).parents[2]
LONGEST_COMMAND_SECONDS = 3600.0


class CheckFailed(Exception):
    """What a check found wrong, in words for people."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to check.

    Attributes:
        run: returns what was checked, in a few words; raises CheckFailed.
    """

    name: str
    run: Callable[[], str]


def command(*words: str | Path, folder: Path = ROOT, variables: Mapping[str, str] | None = None) -> str:
    """What a command prints on standard output. Raises CheckFailed with all it printed when it fails."""
    done = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONGEST_COMMAND_SECONDS,
        check=False,
    )
    if done.returncode:
        shown = " ".join(map(str, words))
        raise CheckFailed(f"{shown}\nended with {done.returncode}:\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


def run_all(checks: Sequence[Check]) -> bool:
    """Runs all checks, whatever one of them finds; whether all is well."""
    outcomes = [_run(check) for check in checks]
    return all(outcomes)


def _run(check: Check) -> bool:
    began = time.monotonic()
    try:
        well, told = True, check.run()
    except (CheckFailed, subprocess.TimeoutExpired) as failure:
        well, told = False, str(failure)
    mark = "ok  " if well else "FAIL"
    typer.echo(f"{mark} {time.monotonic() - began:6.1f} s  {check.name}: {told}")
    return well
