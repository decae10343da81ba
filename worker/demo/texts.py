"""Figures as people read them."""

import math
from collections.abc import Mapping, Sequence

BARS = "▁▂▃▄▅▆▇█"
NOTHING = "-"


def seconds_text(seconds: float | None) -> str:
    """A duration."""
    if seconds is None:
        return NOTHING
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:,.0f} s"


def rate_text(rate: float | None) -> str:
    """A share."""
    return NOTHING if rate is None else f"{rate:.3f}"


def megabytes_text(count_bytes: int) -> str:
    """A size."""
    return f"{count_bytes / 1e6:.1f} MB"


def clock_text(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60:02}:{int(seconds) % 60:02}"


def counts_text(counts: Mapping[str, int]) -> str:
    """What there was of each kind, most first."""
    ordered = sorted(counts.items(), key=lambda each: -each[1])
    return ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in ordered)


def sparkline(values: Sequence[float | None], highest: float) -> str:
    """A bar for each value, on a scale from 0 to `highest`; a blank where there is none."""
    return "".join(" " if value is None else _bar(value, highest) for value in values)


def _bar(value: float, highest: float) -> str:
    return BARS[max(0, min(len(BARS), math.ceil(value / highest * len(BARS))) - 1) if highest > 0 else 0]
