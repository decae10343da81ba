"""64-bit keys of texts that mean the same in every process, made in bulk."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.batch import UInt64s
from models.compiled import kernel
from models.seen import pair_hash

SEPARATOR = "\0"
STAND_IN = "\ufffd"


class Digest(NamedTuple):
    """The keys of n texts and what was noticed on the way.

    Attributes:
        keys: (n,) uint64, never 0.
        shortest_bytes: UTF-8 length of the shortest text.
        longest_bytes: UTF-8 length of the longest text.
        has_controls: whether any text holds an ASCII control character.
    """

    keys: UInt64s
    shortest_bytes: int
    longest_bytes: int
    has_controls: bool


def digest(texts: Sequence[str]) -> Digest:
    """Equal texts have equal keys, whatever stands beside them. Raises UnicodeEncodeError for lone surrogates."""
    keys = np.zeros(len(texts), np.uint64)
    if not texts:
        return Digest(keys, 0, 0, False)
    content = np.frombuffer(SEPARATOR.join(texts).encode(), np.uint8)
    found, shortest, longest, controls = _digest(content, keys)
    if found == len(texts):
        return Digest(keys, shortest, longest, controls)
    return digest([text.replace(SEPARATOR, STAND_IN) for text in texts])._replace(has_controls=True)


def combined(first: UInt64s, second: UInt64s) -> UInt64s:
    """Keys of pairs: (n,) and (n,) to (n,), never 0."""
    keys = np.empty(len(first), np.uint64)
    _combine(first, second, keys)
    return keys


@kernel
def _digest(content: npt.NDArray[np.uint8], keys: UInt64s) -> tuple[int, int, int, bool]:
    state, word, size = np.uint64(0), np.uint64(0), 0
    texts, shortest, longest, controls = 0, len(content), 0, False
    for position in range(len(content) + 1):
        byte = content[position] if position < len(content) else np.uint8(0)
        if byte != 0:
            controls |= (byte < 32) | (byte == 127)
            word = (word << np.uint64(8)) | np.uint64(byte)
            size += 1
            if size & 7 == 0:
                state, word = pair_hash(state, word), np.uint64(0)
            continue
        if texts < len(keys):
            keys[texts] = _not_zero(pair_hash(state ^ np.uint64(size + 1), word))
        texts, shortest, longest = texts + 1, min(shortest, size), max(longest, size)
        state, word, size = np.uint64(0), np.uint64(0), 0
    return texts, shortest, longest, controls


@kernel
def _combine(first: UInt64s, second: UInt64s, keys: UInt64s) -> None:
    for position in range(len(keys)):
        keys[position] = _not_zero(pair_hash(first[position], second[position]))


@kernel
def _not_zero(key: np.uint64) -> np.uint64:
    return key if key != 0 else np.uint64(1)
