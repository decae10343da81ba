"""Sound arrays of which numbers, shapes and types are changed, as some bytes say."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]

DTYPES = ("u1", "i4", "i8", "f4", "f8", "u8", "f2", "b1")
NUMBERS = (0, 1, -1, -2, -3, 63, 64, 65, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63), np.nan, np.inf, -np.inf, 1e300)
EDIT_BYTES = 6
MOST_EDITS = 8


def edit(parts: Sequence[Arrays], edits: bytes) -> None:
    """Changes arrays as each 6 bytes say: which array (2 bytes), what is done, where (2), and with which value."""
    names = [(arrays, name) for arrays in parts for name in sorted(arrays)]
    for high, low, action, place_low, place_high, number in _edits(edits):
        arrays, name = names[(256 * high + low) % len(names)]
        if name in arrays:
            arrays[name] = _edited(arrays[name], action, place_low + 256 * place_high, NUMBERS[number % len(NUMBERS)])
            if action % 8 == 7:
                del arrays[name]


def _edits(content: bytes) -> Iterator[bytes]:
    for start in range(0, min(len(content), MOST_EDITS * EDIT_BYTES) - EDIT_BYTES + 1, EDIT_BYTES):
        yield content[start : start + EDIT_BYTES]


def _edited(array: npt.NDArray[Any], action: int, place: int, number: float) -> npt.NDArray[Any]:
    changed = array.copy()
    with np.errstate(all="ignore"):
        match action % 8:
            case 0 if array.size:
                changed.reshape(-1)[place % array.size] = _as(array.dtype, number)
            case 1:
                changed[...] = _as(array.dtype, number)
            case 2:
                changed = array[: place % (len(array) + 1)] if array.ndim else array
            case 3:
                changed = np.concatenate([array, array]) if array.ndim else array
            case 4:
                changed = array.astype(DTYPES[place % len(DTYPES)])
            case 5:
                changed = array.reshape(-1) if place % 2 else array[None]
            case 6:
                changed = array.T if array.ndim > 1 else np.zeros((), array.dtype)
    return np.ascontiguousarray(changed)


def _as(dtype: np.dtype[Any], number: float) -> Any:
    """The number, as near as the type has it."""
    if dtype.kind == "f":
        return dtype.type(number)
    if dtype.kind == "b":
        return bool(number)
    info = np.iinfo(dtype)
    return int(min(max(number, int(info.min)), int(info.max))) if np.isfinite(number) else int(info.max)
