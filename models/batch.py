"""Interactions: the columns of a batch, the unit of all work."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]
Int8s = npt.NDArray[np.int8]
Int32s = npt.NDArray[np.int32]
UInt64s = npt.NDArray[np.uint64]
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Interactions:
    """Events of one partition, in stream order, as columns of equal length n.

    Attributes:
        users: ids of the users, n strings.
        items: ids of the items, n strings.
        times_ms: (n,) int64, when it happened, UTC milliseconds.
        weights: (n,) float32, how much the kind of event says of taste; 0 = nothing to learn, below 0 = the user
            rejected the item (see `learning.learn_rejection`).
        kinds: names of the kinds of event, n strings, or none: no model of the worker learns from them, an
            evaluation reports them.
        values: (n,) float64, a rating or another number that the event states, NaN = none; or None: nobody asked.
        of_objective: (n,) bool, whether lists are to foresee such events: the others teach neither ranker nor mixture.
            None is given = all are.
    """

    users: Sequence[str]
    items: Sequence[str]
    times_ms: Int64s
    weights: Float32s
    kinds: Sequence[str] = ()
    values: Float64s | None = None
    of_objective: Bools = field(default_factory=lambda: np.zeros(0, np.bool_))

    def __post_init__(self) -> None:
        lengths = {len(self.users), len(self.items), len(self.times_ms), len(self.weights)}
        lengths.add(len(self.kinds or self.users))
        if self.values is not None:
            lengths.add(len(self.values))
        if len(self.of_objective) == 0:
            object.__setattr__(self, "of_objective", np.ones(len(self.users), np.bool_))
        lengths.add(len(self.of_objective))
        if len(lengths) != 1:
            raise ValueError(f"columns of a batch have different lengths: {sorted(lengths)}")
        # Kernels are compiled for plain arrays; one that is strided or read-only would compile them all again.
        object.__setattr__(self, "times_ms", np.require(self.times_ms, np.int64, ["C", "W"]))
        object.__setattr__(self, "weights", np.require(self.weights, np.float32, ["C", "W"]))
        object.__setattr__(self, "of_objective", np.require(self.of_objective, np.bool_, ["C", "W"]))

    def __len__(self) -> int:
        return len(self.users)

    def slice(self, start: int, stop: int) -> Self:
        """The events from `start` up to, not including, `stop`."""
        return type(self)(
            self.users[start:stop],
            self.items[start:stop],
            self.times_ms[start:stop],
            self.weights[start:stop],
            self.kinds[start:stop],
            None if self.values is None else self.values[start:stop],
            self.of_objective[start:stop],
        )

    @classmethod
    def of(cls, users: Sequence[str], items: Sequence[str], times_ms: Sequence[int] | Int64s) -> Self:
        """Builds a batch in which every event weighs 1."""
        return cls(users, items, np.asarray(times_ms, np.int64), np.ones(len(users), np.float32))
