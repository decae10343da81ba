"""When events are due, how late they were sent, and how soon users act again."""

from collections.abc import Sequence

import numpy as np

from models.batch import Float64s, Int64s
from producers.pacing import Pace, Schedule, SystemClock


def planned_seconds(pace: Pace, times_ms: Int64s) -> Float64s:
    """(n,) when each event is to be sent, counted from the first."""
    due, _ = Schedule(pace, SystemClock()).plan(times_ms)
    planned: Float64s = due - due[0]
    return planned


def late_seconds(sent_seconds: Float64s, planned: Float64s) -> Float64s:
    """(n,) how much later than planned each event was sent, counted from the first."""
    late: Float64s = np.maximum(sent_seconds - sent_seconds[0] - planned, 0.0)
    return late


def gap_seconds(users: Sequence[str], planned: Float64s) -> Float64s:
    """(n,) time since the user's event before; nan = it is the user's first."""
    last: dict[str, float] = {}
    gaps = np.full(len(users), np.nan)
    for place, (user, at) in enumerate(zip(users, planned.tolist(), strict=True)):
        gaps[place] = at - last.get(user, np.nan)
        last[user] = at
    return gaps
