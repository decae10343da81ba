"""Waiting for a condition, with a deadline, in place of sleeping for luck."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE_SECONDS = 0.02


def wait_until(condition: Callable[[], T], timeout_seconds: float, what: str) -> T:
    """Calls `condition` until what it returns is true, and returns that; fails naming `what` after the timeout."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_seconds:g} s: {what} (last: {result!r})")
        time.sleep(PAUSE_SECONDS)


def wait_for_seconds(seconds: float) -> None:
    """For time that is itself the condition: an outage of so many seconds, a life of so many."""
    time.sleep(seconds)
