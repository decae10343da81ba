"""How the events are replayed, and with which intervals lists are renewed."""

from dataclasses import dataclass

from models.accuracy import CUTOFFS
from producers.pacing import Pace

LIST_SIZE = max(CUTOFFS)  # what the figures look at


@dataclass(frozen=True, slots=True)
class Plan:
    """One replay for each interval.

    Attributes:
        pace: how fast events are sent; at a rate, or at a multiple of their own speed.
        refresh_seconds: a user's list is renewed at most once in this time; 0 = with every event.
    """

    pace: Pace
    refresh_seconds: tuple[float, ...]
