"""Lists of text as two arrays, so that snapshots hold nothing but arrays."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from models.batch import Int64s

Bytes = npt.NDArray[np.uint8]
Arrays = dict[str, npt.NDArray[Any]]


def pack(texts: Sequence[str]) -> tuple[Bytes, Int64s]:
    """UTF-8 of all texts one after the other (b,), and where each begins and the last ends (n + 1,)."""
    whole = "".join(texts)
    content = whole.encode()
    sizes = map(len, texts) if whole.isascii() else (len(text.encode()) for text in texts)
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(np.fromiter(sizes, np.int64, len(texts)), out=offsets[1:])
    return np.frombuffer(content, np.uint8), offsets


def unpack(content: Bytes, offsets: Int64s) -> list[str]:
    """The texts that `pack` got. Raises ValueError for offsets or bytes that no list of texts has."""
    if content.dtype != np.uint8 or content.ndim != 1 or offsets.dtype != np.int64 or offsets.ndim != 1:
        raise ValueError("packed texts are one column of uint8 and one of int64")
    raw, bounds = content.tobytes(), offsets.tolist()
    if not bounds or bounds[0] != 0 or bounds[-1] != len(raw) or np.any(offsets[:-1] > offsets[1:]):
        raise ValueError("the offsets of packed texts must rise from 0 to the number of bytes")
    if raw.isascii():  # a character a byte
        whole = raw.decode()
        return [whole[start:stop] for start, stop in pairwise(bounds)]
    return [raw[start:stop].decode() for start, stop in pairwise(bounds)]


def pack_vocabulary(prefix: str, ids: list[str], free: list[int], knocked: list[str]) -> Arrays:
    """What `Vocabulary.dump` gave, as arrays by name."""
    text, offsets = pack(ids)
    knocked_text, knocked_offsets = pack(knocked)
    return {
        f"{prefix}.bytes": text,
        f"{prefix}.offsets": offsets,
        f"{prefix}.free": np.array(free, np.int64),
        f"{prefix}.knocked.bytes": knocked_text,
        f"{prefix}.knocked.offsets": knocked_offsets,
    }


def unpack_vocabulary(prefix: str, arrays: Mapping[str, npt.NDArray[Any]]) -> tuple[list[str], list[int], list[str]]:
    """What `Vocabulary.restore` takes."""
    return (
        unpack(arrays[f"{prefix}.bytes"], arrays[f"{prefix}.offsets"]),
        arrays[f"{prefix}.free"].tolist(),
        unpack(arrays[f"{prefix}.knocked.bytes"], arrays[f"{prefix}.knocked.offsets"]),
    )
