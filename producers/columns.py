"""EventColumns: a batch of events as columns of equal length, the unit of all work in this package."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import compress
from typing import Self

import numpy as np
import numpy.typing as npt

from worker.events import Interaction

Times = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EventColumns:
    """Events in the order of the stream, one entry an event in each column.

    Attributes:
        times_ms: UTC milliseconds.
        values: price, rating or another number of the event; NaN = none.
    """

    user_ids: list[str]
    item_ids: list[str]
    times_ms: Times
    kinds: list[str]
    values: Values

    def __len__(self) -> int:
        return len(self.user_ids)

    def part(self, begin: int, end: int) -> Self:
        """The events from `begin` up to, not including, `end`."""
        if begin == 0 and end >= len(self):
            return self
        cut = slice(begin, end)
        return type(self)(self.user_ids[cut], self.item_ids[cut], self.times_ms[cut], self.kinds[cut], self.values[cut])

    def at_times(self, times_ms: Times) -> Self:
        """The same events at other times."""
        return replace(self, times_ms=times_ms)

    def with_kinds(self, new_names: Mapping[str, str]) -> Self:
        """Renames kinds of event; those renamed to nothing are left out."""
        kinds = [new_names.get(kind, kind) for kind in self.kinds]
        if all(kinds):
            return replace(self, kinds=kinds)
        mask = np.fromiter(map(bool, kinds), dtype=bool, count=len(kinds))
        return type(self)(
            list(compress(self.user_ids, mask)),
            list(compress(self.item_ids, mask)),
            self.times_ms[mask],
            list(compress(kinds, mask)),
            self.values[mask],
        )

    def interactions(self) -> list[Interaction]:
        """The events as the wire's records."""
        times: list[int] = self.times_ms.tolist()
        values: list[float] = self.values.tolist()
        return [
            Interaction(user, item, kind, time, None, value if value == value else None)  # NaN: no value
            for user, item, kind, time, value in zip(
                self.user_ids, self.item_ids, self.kinds, times, values, strict=True
            )
        ]
