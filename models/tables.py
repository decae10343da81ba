"""Trees of named tuples of arrays: resized, saved and loaded by one set of functions."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import numpy as np

T = TypeVar("T", bound=tuple[Any, ...])


def fitted(old: T, new: T) -> T:
    """Copies the overlap of each array of `old` into the array of the same place in `new`; returns `new`."""
    for before, after in zip(old, new, strict=True):
        if isinstance(before, tuple):
            fitted(before, after)
        else:
            overlap = tuple(slice(0, min(a, b)) for a, b in zip(before.shape, after.shape, strict=True))
            after[overlap] = before[overlap]
    return new


def first_rows(tables: T, rows: int, empty: Callable[[int], T]) -> T:
    """Views of the first `rows` rows; `empty(n)` makes such a tree of n rows, which tells where an array has them."""
    return cast("T", _cut(tables, rows, empty(1), empty(2)))


def _cut(tables: tuple[Any, ...], rows: int, one: tuple[Any, ...], two: tuple[Any, ...]) -> tuple[Any, ...]:
    parts = []
    for value, smaller, larger in zip(tables, one, two, strict=True):
        if isinstance(value, tuple):
            parts.append(_cut(value, rows, smaller, larger))
        else:
            grows = [a != b for a, b in zip(smaller.shape, larger.shape, strict=True)]
            parts.append(value[tuple(slice(rows) if each else slice(None) for each in grows)])
    return tables._replace(**dict(zip(_names(tables), parts, strict=True)))  # type: ignore[attr-defined, no-any-return]


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


def size_bytes(tables: tuple[Any, ...]) -> int:
    """Memory of all arrays."""
    return sum(array.nbytes for array in dump(tables).values())


def _names(tables: tuple[Any, ...]) -> tuple[str, ...]:
    names: tuple[str, ...] = tables._fields  # type: ignore[attr-defined]
    return names
