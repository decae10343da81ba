"""Reading a compacted topic to where it ended when reading began."""

import time
from collections.abc import Callable

PAUSE_SECONDS = 0.01


def read_whole(refresh: Callable[[], bool], has_caught_up: Callable[[], bool], timeout_seconds: float) -> bool:
    """Calls `refresh`, which says whether anything came, until all is known; False = that took too long."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        has_news = refresh()
        if has_caught_up():
            return True
        if not has_news:
            time.sleep(PAUSE_SECONDS)
    return False
