"""The time of this machine."""

import time

from typing_extensions import override

from worker.ports import Clock


class SystemClock(Clock):
    """Wall-clock and monotonic time as the operating system tells them."""

    @override
    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    @override
    def monotonic(self) -> float:
        return time.monotonic()
