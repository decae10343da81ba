"""Erasure: users who asked to be forgotten, in the partitions that are ours, until there is a receipt.

Each partition remembers, in its snapshots too, which requests it has fulfilled: so a request is fulfilled once in each
state, and a user who came back since is not forgotten again after a restart. Events from before the request are passed
over, however late they are read.
"""

from collections.abc import Container, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from models.batch import Bools, Int64s, UInt64s
from models.digests import digest
from worker.control_records import Forget, user_key


class Fulfilled(NamedTuple):
    """A request that was fulfilled in one partition.

    Attributes:
        erased_at: when it was, UTC milliseconds.
        is_due: whether no receipt says so yet.
    """

    requested_at: int
    erased_at: int
    is_due: bool


class Erased:
    """What one partition has fulfilled, by users' keys."""

    def __init__(self) -> None:
        self._requests: dict[int, Fulfilled] = {}

    def has(self, request: Forget) -> bool:
        """Whether this was fulfilled here."""
        known = self._requests.get(user_key(request.user_id))
        return known is not None and known.requested_at >= request.requested_at

    def note(self, request: Forget, now_ms: int) -> None:
        """It is fulfilled; a receipt is due."""
        self._requests[user_key(request.user_id)] = Fulfilled(request.requested_at, now_ms, is_due=True)

    def settle(self, user_id: str, requested_at: int) -> None:
        """There is a receipt for what was fulfilled by then."""
        key = user_key(user_id)
        known = self._requests.get(key)
        if known and known.requested_at <= requested_at:
            self._requests[key] = known._replace(is_due=False)

    def keep_only(self, keys: Container[int]) -> None:
        """The others took their requests back."""
        self._requests = {key: request for key, request in self._requests.items() if key in keys}

    def due(self) -> dict[int, Fulfilled]:
        """Those for which a receipt is due."""
        return {key: request for key, request in self._requests.items() if request.is_due}

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """All of it."""
        requested, erased, due = zip(*self._requests.values(), strict=True) if self._requests else ((), (), ())
        return {
            "keys": np.fromiter(self._requests, np.uint64, len(self._requests)),
            "requested_ms": np.array(requested, np.int64),
            "erased_ms": np.array(erased, np.int64),
            "is_due": np.array(due, np.bool_),
        }

    def load_state(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Takes over what `state` gave; nothing where a snapshot is from before there were requests."""
        if arrays:
            columns = (arrays[name].tolist() for name in ("requested_ms", "erased_ms", "is_due"))
            rows = [Fulfilled(*row) for row in zip(*columns, strict=True)]
            self._requests = dict(zip(arrays["keys"].tolist(), rows, strict=True))


class Bygone:
    """Which events are from before their user asked to be forgotten."""

    def __init__(self) -> None:
        self._keys: UInt64s = np.zeros(0, np.uint64)
        self._until_ms: Int64s = np.zeros(0, np.int64)

    def set(self, requests: Mapping[str, Forget]) -> None:
        """These are all requests, by user id."""
        keys = digest(list(requests)).keys
        order = np.argsort(keys)
        self._keys = keys[order]
        self._until_ms = np.array([each.requested_at for each in requests.values()], np.int64)[order]

    def are_bygone(self, user_keys: UInt64s, record_times_ms: Int64s) -> Bools:
        """(n,): of n events, with the times of their records, -1 = unknown, which counts as before."""
        if not len(self._keys):
            return np.zeros(len(user_keys), np.bool_)
        places = np.minimum(np.searchsorted(self._keys, user_keys), len(self._keys) - 1)
        found: Bools = (self._keys[places] == user_keys) & (record_times_ms <= self._until_ms[places])
        return found
