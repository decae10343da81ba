"""The refresh schedule: which users' lists are out of date, and who is next.

A user is refreshed at most once per coalescing interval; those who waited longest come first. While the worker is
behind, refreshing may use only a share of its time: `RefreshBudget` saves it up from the time spent on learning.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from models.batch import Bools, Float64s, Int32s, Int64s

CLEAN = 0
BYTES_PER_USER = 17  # since when, when refreshed, and whether it is urgent
MOST_SAVED_SECONDS = 1.0
LEAST_REST = 1e-9  # a share of 1 leaves nothing; the savings are full after the first moment of work


class DirtyUsers:
    """Users of one shard whose lists are out of date, by user row.

    Attributes:
        since_ms: (capacity,) int64, record time of the first event that the published list does not reflect; 0 = none.
    """

    def __init__(self) -> None:
        self.since_ms: Int64s = np.zeros(0, np.int64)
        self._refreshed_at: Float64s = np.zeros(0)
        self._urgent: Bools = np.zeros(0, np.bool_)

    def __len__(self) -> int:
        return int(np.count_nonzero(self.since_ms))

    def mark(self, rows: Int32s, record_times_ms: Int64s, capacity: int) -> None:
        """These events, in stream order, are not in their users' lists yet; rows of -1 are passed over."""
        self._grow(capacity)
        new = rows >= 0
        new[new] = self.since_ms[rows[new]] == CLEAN
        # Written backwards, so that of several events of one user the first one stands.
        self.since_ms[rows[new][::-1]] = np.maximum(record_times_ms[new][::-1], 1)

    def mark_rows(self, rows: Int64s, now_ms: int, capacity: int) -> None:
        """These lists became wrong for another reason than an event."""
        self._grow(capacity)
        new = rows[self.since_ms[rows] == CLEAN]
        self.since_ms[new] = now_ms

    def mark_urgent(self, rows: Int64s, now_ms: int, capacity: int) -> None:
        """These lists show what they must not: they are made anew before all others."""
        self.mark_rows(rows, now_ms, capacity)
        self._refreshed_at[rows] = -np.inf
        self._urgent[rows] = True

    def waiting_since(self, rows: Int64s) -> Int64s:
        """Since when each of them waits, for the order: those that are urgent since ever."""
        return np.where(self._urgent[rows], CLEAN, self.since_ms[rows])

    def forget_all_but(self, rows: Int32s) -> None:
        """Only the users in `rows` are left in the shard."""
        kept, urgent = self.since_ms[rows], self._urgent[rows]
        self.since_ms[:], self._urgent[:] = CLEAN, False
        self.since_ms[rows], self._urgent[rows] = kept, urgent

    def forget(self, row: int) -> None:
        """The user in this row is gone."""
        self.since_ms[row : row + 1] = CLEAN
        self._urgent[row : row + 1] = False

    def hurry(self) -> None:
        """Whoever is out of date may be refreshed at once."""
        self._refreshed_at[:] = -np.inf

    def due(self, now_seconds: float, coalesce_seconds: float) -> Int64s:
        """Rows that may be refreshed now, in no order."""
        rows = np.flatnonzero(self.since_ms)
        return rows[self._refreshed_at[rows] <= now_seconds - coalesce_seconds]

    def refreshed(self, rows: Int32s, now_seconds: float) -> Int64s:
        """The lists are published; returns since when each was out of date."""
        since_ms = self.since_ms[rows]
        self.since_ms[rows] = CLEAN
        self._urgent[rows] = False
        self._refreshed_at[rows] = now_seconds
        return since_ms

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Who is out of date, since when."""
        rows = np.flatnonzero(self.since_ms)
        return {"rows": rows, "since_ms": self.since_ms[rows]}

    def load_state(self, arrays: Mapping[str, npt.NDArray[Any]], capacity: int) -> None:
        """Takes over what `state` gave. Raises ValueError when it does not fit."""
        rows, since_ms = arrays["rows"], arrays["since_ms"]
        if len(rows) != len(since_ms) or (len(rows) and not 0 <= rows.min() <= rows.max() < capacity):
            raise ValueError(f"users out of date must lie in the rows 0..{capacity - 1}")
        self._grow(capacity)
        self.since_ms[rows] = since_ms

    def _grow(self, capacity: int) -> None:
        missing = capacity - len(self.since_ms)
        if missing > 0:
            self.since_ms = np.concatenate([self.since_ms, np.zeros(missing, np.int64)])
            self._refreshed_at = np.concatenate([self._refreshed_at, np.full(missing, -np.inf)])
            self._urgent = np.concatenate([self._urgent, np.zeros(missing, np.bool_)])


class RefreshBudget:
    """Time that refreshing may use while the worker is behind: at most `share` of the whole."""

    def __init__(self, share: float) -> None:
        self._gain = share / max(1.0 - share, LEAST_REST)
        self.seconds = 0.0

    def worked(self, seconds: float) -> None:
        """Polling and learning took this long."""
        self.seconds = min(self.seconds + seconds * self._gain, MOST_SAVED_SECONDS)

    def spent(self, seconds: float) -> None:
        """Refreshing took this long; what went beyond the savings is owed."""
        self.seconds -= seconds
