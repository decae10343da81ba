"""What lies between two snapshots: events, items, users, positions, and which tables changed."""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from models.knowledge import EVENTS
from worker.contents import Arrays, decoded
from worker.manifest import Manifest
from worker.ports import SnapshotStore

KNOWLEDGE = "knowledge."


class Amounts(msgspec.Struct, frozen=True):
    """What a snapshot holds.

    Attributes:
        next_offsets, users: by partition that the worker owned.
    """

    created_ms: int
    events_learned: int
    items: int
    users: dict[int, int]
    next_offsets: dict[int, int]


class Difference(msgspec.Struct, frozen=True):
    """Between two snapshots.

    Attributes:
        changed: by component of what is known of items, the share of its numbers that differ; 1 = it has another shape,
            or stands in one of both alone.
    """

    before: Amounts
    after: Amounts
    changed: dict[str, float]


def difference(store: SnapshotStore, before: Manifest, after: Manifest) -> Difference:
    """Raises SnapshotError when one is not whole, ServiceUnavailable."""
    old, new = (_arrays(store, manifest.knowledge) for manifest in (before, after))
    return Difference(_amounts(store, before, old), _amounts(store, after, new), _changed(old, new))


def _amounts(store: SnapshotStore, manifest: Manifest, knowledge: Arrays) -> Amounts:
    counters = knowledge.get("knowledge.counters")
    owned = manifest.partitions.items()
    return Amounts(
        manifest.created_ms,
        0 if counters is None else int(counters[EVENTS]),
        _ids(knowledge, "items"),
        {number: _ids(_arrays(store, entry.blob), "shard.users") for number, entry in owned},
        {number: entry.next_offset for number, entry in owned},
    )


def _arrays(store: SnapshotStore, blob: str) -> Arrays:
    return decoded(store.read_blob(blob), blob) if blob else {}


def _ids(arrays: Arrays, prefix: str) -> int:
    offsets, free = arrays.get(f"{prefix}.offsets"), arrays.get(f"{prefix}.free")
    return 0 if offsets is None or free is None else len(offsets) - 1 - len(free)


def _changed(old: Arrays, new: Arrays) -> dict[str, float]:
    sizes: dict[str, int] = {}
    differing: dict[str, int] = {}
    for name in sorted(old.keys() | new.keys()):
        component = name.removeprefix(KNOWLEDGE).partition(".")[0]
        size, count = _compared(old, new, name)
        sizes[component] = sizes.get(component, 0) + size
        differing[component] = differing.get(component, 0) + count
    return {component: differing[component] / size for component, size in sizes.items() if size}


def _compared(old: Mapping[str, npt.NDArray[Any]], new: Mapping[str, npt.NDArray[Any]], name: str) -> tuple[int, int]:
    """How many numbers an array has, and how many differ; rows that came later differ."""
    one, two = old.get(name), new.get(name)
    if one is None or two is None or one.shape[1:] != two.shape[1:]:
        size = max(0 if each is None else each.size for each in (one, two))
        return size, size
    common = min(len(one), len(two))
    size = max(one.size, two.size)
    same = np.count_nonzero(one[:common] == two[:common])
    return size, size - int(same)
