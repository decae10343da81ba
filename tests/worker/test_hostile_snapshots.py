"""Blobs that pass their checksum, for whoever altered them named them anew."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from models.recommender import Recommender, RecommenderOptions
from tests.support.member import Member, shop
from tests.support.rig import assert_same_state, learned_state
from worker.adapters.memory import MemorySnapshots
from worker.contents import decoded, encoded, restored_partition
from worker.errors import SnapshotError
from worker.settings import CleanSettings


def blob(header: dict[str, Any], data: bytes = b"") -> bytes:
    """A safetensors file with this header."""
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def tensor(dtype: str, shape: list[int], begin: int, end: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        (1 << 63).to_bytes(8, "little") + b"{}",
        blob({"a": tensor("F32", [1 << 40], 0, 4)}, b"1234"),
        blob({"a": tensor("F32", [1 << 62, 4], 0, 4)}, b"1234"),
        blob({"a": tensor("I32", [1], 0, 4), "b": tensor("I32", [1], 0, 4)}, b"1234"),
        blob({"a": tensor("I32", [1], 4, 8)}, b"12345678"),
        blob({"a": tensor("V99", [1], 0, 4)}, b"1234"),
        blob({"a": tensor("F8_E4M3", [4], 0, 4)}, b"1234"),
        len(b"[" * 100_000).to_bytes(8, "little") + b"[" * 100_000,
    ],
    ids=["empty", "length", "huge", "overflow", "overlap", "hole", "type", "type that numpy has not", "nested"],
)
def test_a_blob_whose_header_lies_is_refused(content: bytes) -> None:
    with pytest.raises(SnapshotError, match="holds no arrays"):
        decoded(content, "0" * 64)


@pytest.mark.parametrize(
    "arrays",
    [
        {"cleaner.newest_ms": np.zeros(0, np.int64)},
        {"cleaner.newest_ms": np.zeros((2, 2), np.int64)},
        {"cleaner.newest_ms": np.array([2**63], np.uint64)},
        {"shard.users.bytes": np.zeros((), np.uint8)},
    ],
    ids=["nothing", "two axes", "over int64", "no cleaner"],
)
def test_a_partition_of_another_make_is_refused(arrays: dict[str, Any]) -> None:
    stored = decoded(encoded(arrays), "0" * 64)
    with pytest.raises(SnapshotError, match="cannot be used"):
        restored_partition(Recommender(RecommenderOptions()), CleanSettings(), 0, 1, 0, stored)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["f2", "f4", "f8"])
def test_a_blob_with_what_is_no_finite_number_is_refused(number: float, kind: str) -> None:
    arrays = {"sound": np.ones(9, kind), "other": np.array([1.0, number], kind)}
    with pytest.raises(SnapshotError, match="holds in other what is no finite number") as refused:
        decoded(encoded(arrays), "0" * 64)
    assert refused.value.remedy


def without_number(store: MemorySnapshots, blob: str) -> str:
    """The name of a blob like it, with one number that is none."""
    arrays = {name: array.copy() for name, array in decoded(store.read_blob(blob), blob).items()}
    chosen = next(array for array in arrays.values() if array.dtype.kind == "f" and array.size)
    chosen.reshape(-1)[0] = np.nan
    return store.write_blob(encoded(arrays))


def with_more_axes(store: MemorySnapshots, blob: str) -> str:
    """The name of a blob like it, whose tables have another shape."""
    arrays = decoded(store.read_blob(blob), blob)
    return store.write_blob(encoded({name: array[None] for name, array in arrays.items()}))


@pytest.mark.parametrize(
    ("which", "altered"),
    [("knowledge", without_number), ("users", without_number), ("knowledge", with_more_axes)],
)
def test_a_worker_goes_on_from_the_snapshot_before_one_that_was_altered(
    which: str, altered: Callable[[MemorySnapshots, str], str]
) -> None:
    store = MemorySnapshots()
    member = Member(store).take(0).learn(*shop(30)).write()
    expected = learned_state(member.recommender)
    newest = member.learn(*shop(30, seed=4)).write().manifest()
    entry = newest.partitions[0]
    if which == "knowledge":
        hostile = msgspec.structs.replace(newest, knowledge=altered(store, newest.knowledge))
    else:
        users = msgspec.structs.replace(entry, blob=altered(store, entry.blob))
        hostile = msgspec.structs.replace(newest, partitions={0: users})
    store._manifests[store.manifests()[-1]] = msgspec.json.encode(hostile)
    after = Member(store).take(0)
    assert after.partitions[0].next_offset == 30
    assert_same_state(learned_state(after.recommender), expected)
