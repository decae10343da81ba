"""Trees of named tuples of arrays: resized, saved and loaded by one set of functions."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import numpy as np

T = TypeVar("T", bound=tuple[Any, ...])
RowAxes = tuple[Any, ...]  # a tree like that of the tables; for each array, of each axis whether it counts rows
WHOLE = slice(None)
MOST_COUNTED = 1 << 62


def fitted(old: T, new: T) -> T:
    """Copies the overlap of each array of `old` into the array of the same place in `new`; returns `new`."""
    for before, after in zip(old, new, strict=True):
        if isinstance(before, tuple):
            fitted(before, after)
        else:
            overlap = tuple(slice(0, min(a, b)) for a, b in zip(before.shape, after.shape, strict=True))
            after[overlap] = before[overlap]
    return new


def row_axes(empty: Callable[[int], tuple[Any, ...]]) -> RowAxes:
    """Where each array has its rows; `empty(n)` makes a tree of n rows."""
    return _grown(empty(1), empty(2))


def _grown(one: tuple[Any, ...], two: tuple[Any, ...]) -> RowAxes:
    return tuple(
        _grown(a, b) if isinstance(a, tuple) else tuple(m != n for m, n in zip(a.shape, b.shape, strict=True))
        for a, b in zip(one, two, strict=True)
    )


def first_rows(tables: T, rows: int, axes: RowAxes) -> T:
    """Views of the first `rows` rows, which lie where `row_axes` found them."""
    return cast("T", _cut(tables, axes, slice(rows)))


def _cut(tables: tuple[Any, ...], axes: RowAxes, rows: slice) -> tuple[Any, ...]:
    return type(tables)(
        *(
            _cut(value, where, rows)
            if isinstance(value, tuple)
            else value[tuple([rows if is_rows else WHOLE for is_rows in where])]
            if any(where)
            else value
            for value, where in zip(tables, axes, strict=True)
        )
    )


def copied(flat: Mapping[str, np.ndarray[Any, Any]]) -> dict[str, np.ndarray[Any, Any]]:
    """What `dump` gave, as it is now."""
    return {name: array.copy() for name, array in flat.items()}


def dump(tables: tuple[Any, ...], prefix: str = "") -> dict[str, np.ndarray[Any, Any]]:
    """All arrays by dotted name."""
    flat: dict[str, np.ndarray[Any, Any]] = {}
    for name, value in zip(_names(tables), tables, strict=True):
        if isinstance(value, tuple):
            flat |= dump(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def load(tables: T, flat: Mapping[str, np.ndarray[Any, Any]], prefix: str = "") -> T:
    """Copies what `dump` gave into tables that are at least as large. Raises ValueError when they do not fit."""
    for name, value in zip(_names(tables), tables, strict=True):
        if isinstance(value, tuple):
            load(value, flat, f"{prefix}{name}.")
            continue
        saved = flat.get(prefix + name)
        if saved is None or saved.dtype != value.dtype or saved.ndim != value.ndim:
            raise ValueError(f"table {prefix}{name} is missing or of another type")
        if any(a > b for a, b in zip(saved.shape, value.shape, strict=True)):
            raise ValueError(f"table {prefix}{name} of shape {saved.shape} does not fit into {value.shape}")
        value[tuple(slice(0, size) for size in saved.shape)] = saved
    return tables


def may_be_counts(array: np.ndarray[Any, Any]) -> bool:
    """Whether none is below 0, and none so large that it comes to be below 0 by counting on."""
    return bool(array.min(initial=0) >= 0 and array.max(initial=0) <= MOST_COUNTED)


def size_bytes(tables: tuple[Any, ...]) -> int:
    """Memory of all arrays."""
    return sum(array.nbytes for array in dump(tables).values())


def _names(tables: tuple[Any, ...]) -> tuple[str, ...]:
    names: tuple[str, ...] = tables._fields  # type: ignore[attr-defined]
    return names
