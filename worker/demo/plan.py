"""What a demo is to show."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Plan:
    """What to show.

    Attributes:
        rate: events a second.
        seconds: of feeding; None = until Ctrl-C.
        folder: where all that is written stays; None = nothing stays.
        browser: whether to open one.
    """

    rate: float
    seconds: float | None = None
    folder: Path | None = None
    browser: bool = False
