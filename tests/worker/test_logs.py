"""What is logged, as it is written."""

import json
import logging
from collections.abc import Callable
from typing import Literal

import pytest
import structlog

from worker.logs import configure_logs
from worker.settings import LogSettings

SECRET = "hunter2"


def ours() -> None:
    structlog.get_logger("worker").exception("it failed")


def a_librarys() -> None:
    logging.getLogger("library").exception("it failed")


def fail(secret: str, told: Callable[[], None]) -> None:
    """Logs an error from where the secret is a local variable."""
    try:
        raise ValueError(f"of {len(secret)} characters")
    except ValueError:
        told()


@pytest.mark.parametrize("shape", ["json", "console"])
@pytest.mark.parametrize("told", [ours, a_librarys])
def test_a_traceback_names_places_and_no_values(
    shape: Literal["json", "console"], told: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(LogSettings(format=shape))
    fail(SECRET, told)
    written = capsys.readouterr().err
    assert all(word in written for word in ("it failed", "ValueError", "of 7 characters", "test_logs.py"))
    assert SECRET not in written
    if shape == "json":
        assert json.loads(written)["exception"][0]["frames"][-1]["name"] == "fail", "one line, one object"


@pytest.mark.parametrize("shape", ["json", "console"])
def test_a_file_gets_no_colours(shape: Literal["json", "console"], capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(LogSettings(format=shape))
    structlog.get_logger("worker").warning("it failed", secret=1)
    assert "\x1b" not in capsys.readouterr().err
