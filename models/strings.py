"""Lists of text as two arrays, so that snapshots hold nothing but arrays."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from models.batch import Int64s

Bytes = npt.NDArray[np.uint8]


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
