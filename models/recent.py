"""RecentKeys: how often each key of a stream came before, within a bounded window."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from models.batch import Int32s, Int64s, UInt64s
from models.compiled import kernel

SLOTS_PER_KEY = 2


class RecentKeys:
    """Counts the keys of a stream; exact for the last `window` different keys, of which it holds at most twice as many.

    When 2 `window` keys are held, the older half is forgotten: after an exact number of keys, however the stream is
    cut into calls.
    """

    def __init__(self, window: int) -> None:
        self._window = window
        self._keys: UInt64s = np.zeros(2 * window, np.uint64)  # in the order of their first coming
        self._counts: Int32s = np.zeros(2 * window, np.int32)
        self._used: Int64s = np.zeros(1, np.int64)
        slots = 1 << (2 * window * SLOTS_PER_KEY - 1).bit_length()
        self._table: Int32s = np.zeros(slots, np.int32)  # open addressing: place in `_keys` plus 1; 0 = free

    def count(self, keys: UInt64s) -> Int32s:
        """(n,) keys to (n,): how often each had come before it; the key 0 is passed over and gets 0."""
        before = np.zeros(len(keys), np.int32)
        _count(keys, before, self._keys, self._counts, self._table, self._used)
        return before

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """What it holds: `keys` and `counts`, oldest first."""
        used = int(self._used[0])
        return {"keys": self._keys[:used].copy(), "counts": self._counts[:used].copy()}

    def load_state(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Takes over what `state` gave; a smaller window takes the newest of it. Raises ValueError when it is none."""
        if not {"keys", "counts"} <= arrays.keys():
            raise ValueError("recent keys have keys and counts")
        keys, counts = arrays["keys"], arrays["counts"]
        if keys.dtype != np.uint64 or counts.dtype != np.int32 or keys.shape != counts.shape or keys.ndim != 1:
            raise ValueError("recent keys need as many counts (int32) as keys (uint64)")
        used = len(keys) if len(keys) <= 2 * self._window else self._window
        self._keys[:used] = keys[len(keys) - used :]
        self._counts[:used] = counts[len(keys) - used :]
        self._used[0] = used
        _build(self._keys, self._table, used)


@kernel
def _slot(key: np.uint64, keys: UInt64s, table: Int32s) -> int:
    """Where the key stands in the table, or the free slot where it belongs."""
    last = len(table) - 1
    slot = np.int64(key >> np.uint64(1)) & last
    while table[slot] != 0 and keys[table[slot] - 1] != key:
        slot = (slot + 1) & last
    return int(slot)


@kernel
def _build(keys: UInt64s, table: Int32s, used: int) -> None:
    table[:] = 0
    for place in range(used):
        table[_slot(keys[place], keys, table)] = place + 1


@kernel
def _forget_older_half(keys: UInt64s, counts: Int32s, table: Int32s) -> int:
    half = len(keys) // 2
    for place in range(half):
        keys[place], counts[place] = keys[half + place], counts[half + place]
    _build(keys, table, half)
    return half


@kernel
def _count(stream: UInt64s, before: Int32s, keys: UInt64s, counts: Int32s, table: Int32s, used: Int64s) -> None:
    held = int(used[0])
    for position in range(len(stream)):
        key = stream[position]
        if key == 0:
            continue
        slot = _slot(key, keys, table)
        if table[slot] != 0:
            before[position] = counts[table[slot] - 1]
            counts[table[slot] - 1] += 1
            continue
        if held == len(keys):
            held = _forget_older_half(keys, counts, table)
            slot = _slot(key, keys, table)
        keys[held], counts[held], table[slot] = key, 1, held + 1
        held += 1
    used[0] = held
