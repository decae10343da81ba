"""What the blobs of a snapshot hold: arrays by name, as safetensors."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, TensorSpec, serialize
from safetensors.numpy import load as load_arrays

from models.recommender import Recommender
from worker.erasure import Erased
from worker.errors import SnapshotError
from worker.manifest import REMEDY
from worker.partition import OwnedPartition
from worker.refresh import DirtyUsers
from worker.settings import CleanSettings
from worker.steps.clean import Cleaner

Arrays = Mapping[str, npt.NDArray[Any]]

UNFIT = (ValueError, KeyError, IndexError, TypeError, OverflowError)  # what arrays of another make lead to


def partition_arrays(recommender: Recommender, partition: OwnedPartition) -> Arrays:
    """Copies of a partition's users, of its cleaner's memory, of who is out of date, and of whom it has forgotten."""
    shard = recommender.dump_shard(partition.shard)
    cleaner, dirty = partition.cleaner.state(), partition.dirty.state()
    erased = _named(partition.erased.state(), "erased.")
    return _named(shard, "shard.") | _named(cleaner, "cleaner.") | _named(dirty, "dirty.") | erased


def restored_knowledge(recommender: Recommender, what: str, arrays: Arrays) -> bool:
    """Loads what was learned of items; False = the sequence expert begins anew. Raises SnapshotError naming `what`."""
    try:
        return recommender.load(arrays)
    except UNFIT as error:
        raise does_not_fit(what, error) from error


def restored_partition(
    recommender: Recommender, clean: CleanSettings, number: int, epoch: int, next_offset: int, arrays: Arrays
) -> OwnedPartition:
    """A partition as `partition_arrays` gave it; no arrays = nobody is known. Raises SnapshotError."""
    cleaner, dirty, erased = Cleaner(clean), DirtyUsers(), Erased()
    if not arrays:
        return OwnedPartition(number, epoch, next_offset, recommender.new_shard(), cleaner)
    try:
        cleaner.load_state(_part(arrays, "cleaner."))
        shard = recommender.load_shard(_part(arrays, "shard."))
        dirty.load_state(_part(arrays, "dirty."), shard.users.capacity)
        erased.load_state(_part(arrays, "erased."))
    except UNFIT as error:
        raise does_not_fit(f"the snapshot of partition {number}", error) from error
    return OwnedPartition(number, epoch, next_offset, shard, cleaner, dirty, erased=erased)


def encoded(arrays: Arrays) -> bytes:
    """A blob."""
    dense = {name: np.ascontiguousarray(array) for name, array in arrays.items()}  # alive until all is copied
    return bytes(serialize({name: _spec(array) for name, array in dense.items()}))


def _spec(array: npt.NDArray[Any]) -> TensorSpec:
    """What `safetensors.numpy.save` makes of it, in half the time: there are dozens of small arrays in a blob."""
    address = array.__array_interface__["data"][0]
    return TensorSpec(dtype=_dtype_name(array.dtype), shape=array.shape, data_ptr=address, data_len=array.nbytes)


@cache
def _dtype_name(dtype: np.dtype[Any]) -> str:
    if dtype.newbyteorder("<") != dtype:
        raise ValueError(f"arrays of {dtype} are not written: their bytes are in another order")
    return dtype.name


def decoded(content: bytes, name: str) -> Arrays:
    """The arrays of the blob of this name. Raises SnapshotError."""
    try:
        arrays = load_arrays(content)
    except (SafetensorError, *UNFIT) as error:  # a KeyError for types that numpy has not
        raise SnapshotError(f"the blob {name} holds no arrays: {error}", REMEDY) from error
    for part, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise SnapshotError(f"the blob {name} holds in {part} what is no finite number", REMEDY)
    return arrays


def does_not_fit(what: str, error: Exception) -> SnapshotError:
    """What is stored was written under other settings."""
    return SnapshotError(
        f"{what} cannot be used: {error}",
        "give memory.users_bytes and memory.items_bytes as much as when it was written and kafka.partitions the same "
        "number, or empty the snapshot folder",
    )


def _named(arrays: Arrays, prefix: str) -> dict[str, npt.NDArray[Any]]:
    return {prefix + name: array for name, array in arrays.items()}


def _part(arrays: Arrays, prefix: str) -> dict[str, npt.NDArray[Any]]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
