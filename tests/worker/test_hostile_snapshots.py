"""Blobs that pass their checksum, for whoever altered them named them anew."""

import json
from typing import Any

import numpy as np
import pytest

from models.recommender import Recommender, RecommenderOptions
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
        {"cleaner.newest_ms": np.array([np.inf])},
        {"cleaner.newest_ms": np.zeros((2, 2), np.int64)},
        {"shard.users.bytes": np.zeros((), np.uint8)},
    ],
    ids=["nothing", "infinity", "two axes", "no cleaner"],
)
def test_a_partition_of_another_make_is_refused(arrays: dict[str, Any]) -> None:
    stored = decoded(encoded(arrays), "0" * 64)
    with pytest.raises(SnapshotError, match="cannot be used"):
        restored_partition(Recommender(RecommenderOptions()), CleanSettings(), 0, 1, 0, stored)
