"""Erasure: users who asked to be forgotten, in the partitions that are ours, until there is a receipt.

Each partition remembers, in its snapshots too, which requests it has fulfilled: so a request is fulfilled once in each
state, and a user who came back since is not forgotten again after a restart. Events from before the request are passed
over, however late they are read.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from models.batch import Bools, Int64s, UInt64s
from models.digests import digest
from worker.control_records import Forget


def user_key(user_id: str) -> int:
    """A user's key, as steps have it too."""
    return int(digest([user_id]).keys[0])


class Erased:
    """What one partition has fulfilled: by user's key, when it was asked for, and whether a receipt is due for it."""

    def __init__(self) -> None:
        self._requests: dict[int, tuple[int, bool]] = {}

    def has(self, request: Forget) -> bool:
        """Whether this was fulfilled here."""
        requested_at, _ = self._requests.get(user_key(request.user_id), (-1, False))
        return requested_at >= request.requested_at

    def note(self, request: Forget, *, is_due: bool) -> None:
        """It is fulfilled."""
        self._requests[user_key(request.user_id)] = request.requested_at, is_due

    def settle(self, user_id: str, requested_at: int) -> None:
        """There is a receipt."""
        key = user_key(user_id)
        if self._requests.get(key, (0, False))[0] <= requested_at:
            self._requests[key] = requested_at, False

    def due(self) -> dict[int, int]:
        """When it was asked for, by the keys of those users for whom a receipt is due."""
        return {key: requested_at for key, (requested_at, is_due) in self._requests.items() if is_due}

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """All of it."""
        times, due = zip(*self._requests.values(), strict=True) if self._requests else ((), ())
        keys = np.fromiter(self._requests, np.uint64, len(self._requests))
        return {"keys": keys, "requested_ms": np.array(times, np.int64), "is_due": np.array(due, np.bool_)}

    def load_state(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Takes over what `state` gave; nothing where a snapshot is from before there were requests."""
        if arrays:
            rows = zip(arrays["requested_ms"].tolist(), arrays["is_due"].tolist(), strict=True)
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
