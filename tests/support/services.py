"""Real services for fixtures."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TypeVar

import pytest

from worker.errors import MillraceError

Server = TypeVar("Server")


def running(server: AbstractContextManager[Server]) -> Iterator[Server]:
    with ExitStack() as stack:
        with had():
            started = stack.enter_context(server)
        yield started


@contextmanager
def had() -> Iterator[None]:
    """A service that cannot be had skips the test on a laptop and fails it in CI."""
    try:
        yield
    except MillraceError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"{error}; {error.remedy}")
