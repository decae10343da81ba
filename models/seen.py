"""Which user has had which item: a growing, bounded Bloom filter over (user, item) pairs.

Blocked Bloom filter (Putze, Sanders, Singler 2007): a pair sets a bit in each of the eight words of one cache line.
Filled to its 24 bits a pair, each segment answers "had it" wrongly for about 1 pair in 10,000 (measured by a test).
Keyed by hashes of ids, so a filter means the same in every worker.
"""

from hashlib import sha256
from typing import NamedTuple

import numpy as np

from models.batch import Int64s, UInt64s
from models.compiled import inlined, kernel
from models.lanes import lane_bits

FIRST_SEGMENT_PAIRS = 1 << 15
BITS_PER_PAIR = 24
LEAST_SEGMENTS = 2
WORDS_PER_BLOCK = 8
_SALTS = tuple(int.from_bytes(sha256(bytes([word])).digest()[:8], "big") | 1 for word in range(WORDS_PER_BLOCK))

_has_bits, _set_bits, _clear_bits = lane_bits(_SALTS)


class SeenFilter(NamedTuple):
    """Segments that double in size; when the last one is full, all but it are emptied and filling starts over.

    Attributes:
        words: (w,) uint64, the bits of all segments one after the other.
        starts: (s + 1,) int64, first word of each segment.
        pairs: (s,) int64, pairs added to each segment.
        current: (1,) int64, the segment that is being filled.
    """

    words: UInt64s
    starts: Int64s
    pairs: Int64s
    current: Int64s

    @classmethod
    def empty(cls, segments: int) -> "SeenFilter":
        """A filter of two segments or more, which holds at most `(2^segments - 1) * 32768` pairs."""
        sizes = [segment_words(segment) for segment in range(segments)]
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        return cls(np.zeros(0, np.uint64), starts, np.zeros(segments, np.int64), np.zeros(1, np.int64))


def segment_words(segment: int) -> int:
    """Words of 64 bits in a segment."""
    return (FIRST_SEGMENT_PAIRS << segment) * BITS_PER_PAIR // 64


def segments_within(limit_bytes: int) -> int:
    """Most segments that take no more than so many bytes when all are there, but two at least."""
    segments = LEAST_SEGMENTS
    while filter_bytes(segments + 1) <= limit_bytes:
        segments += 1
    return segments


def filter_bytes(segments: int) -> int:
    """Memory of the bits of a filter with all its segments."""
    return 8 * sum(map(segment_words, range(segments)))


def with_room(seen: SeenFilter, pairs: int) -> SeenFilter:
    """The same filter with memory for `pairs` more: the current segment and those that may follow."""
    room, segment = 0, int(seen.current[0])
    last = len(seen.pairs) - 1
    room = (FIRST_SEGMENT_PAIRS << segment) - int(seen.pairs[segment])
    while room < pairs and segment < last:
        segment += 1
        room += FIRST_SEGMENT_PAIRS << segment
    needed = int(seen.starts[segment + 1])
    if needed <= len(seen.words):
        return seen
    words = np.zeros(needed, np.uint64)
    words[: len(seen.words)] = seen.words
    return seen._replace(words=words)


def words_used(seen: SeenFilter) -> int:
    """Words up to the end of the last segment that holds a pair."""
    filled = np.flatnonzero(seen.pairs)
    return int(seen.starts[filled[-1] + 1]) if len(filled) else 0


def check_segments(seen: SeenFilter) -> None:
    """Raises ValueError when the parts of a filter contradict each other: kernels do not look."""
    sizes = [segment_words(segment) for segment in range(len(seen.pairs))]
    room = FIRST_SEGMENT_PAIRS << np.arange(len(seen.pairs))
    if (
        np.diff(seen.starts, prepend=0).tolist() != [0, *sizes]
        or not 0 <= seen.current[0] < len(seen.pairs)
        or np.any((seen.pairs < 0) | (seen.pairs > room))
        or words_used(seen) > len(seen.words)
    ):
        raise ValueError("the segments of a seen filter do not fit each other")


@inlined
def pair_hash(user_hash: np.uint64, item_hash: np.uint64) -> np.uint64:
    """Mixes two hashes (the finaliser of splitmix64, Steele et al. 2014)."""
    z = user_hash + np.uint64(0x9E3779B97F4A7C15) * item_hash
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@inlined
def below(draw: np.uint64, bound: int) -> int:
    """A number from 0 to below `bound`, 2^32 at most, by a hash's upper half."""
    return int(np.int64((draw >> np.uint64(32)) * np.uint64(bound) >> np.uint64(32)))


@inlined
def _block(seen: SeenFilter, segment: int, key: np.uint64) -> int:
    blocks = np.uint64((seen.starts[segment + 1] - seen.starts[segment]) // WORDS_PER_BLOCK)
    block = ((key >> np.uint64(32)) * blocks) >> np.uint64(32)  # evenly spread, and quicker than a remainder
    return int(seen.starts[segment] + np.int64(block) * WORDS_PER_BLOCK)


@inlined
def has_seen(seen: SeenFilter, key: np.uint64) -> bool:
    """Whether the pair was added; rarely true when it was not."""
    for segment in range(seen.current[0], -1, -1):
        if seen.pairs[segment] > 0 and _has_bits(seen.words, _block(seen, segment, key), key):
            return True
    last = len(seen.pairs) - 1
    return seen.current[0] < last and seen.pairs[last] > 0 and _has_bits(seen.words, _block(seen, last, key), key)


@kernel
def add_seen(seen: SeenFilter, key: np.uint64) -> None:
    """Adds a pair that was not there; memory for it was made by `with_room`."""
    segment = int(seen.current[0])
    if seen.pairs[segment] >= FIRST_SEGMENT_PAIRS << segment:
        segment = _next_segment(seen)
    _set_bits(seen.words, _block(seen, segment, key), key)
    seen.pairs[segment] += 1


@kernel
def forget_seen(seen: SeenFilter, user_hash: np.uint64, item_hashes: UInt64s) -> None:
    """Takes out all pairs of a user with these items; 0 = no item.

    Bits are shared: for each pair about two or three of other users are taken out too, where a segment is full.
    """
    for item_hash in item_hashes:
        key = pair_hash(user_hash, item_hash)
        for segment in range(len(seen.pairs)):
            held = item_hash != 0 and seen.pairs[segment] > 0 and seen.starts[segment + 1] <= len(seen.words)
            if held and _has_bits(seen.words, _block(seen, segment, key), key):
                _clear_bits(seen.words, _block(seen, segment, key), key)


@kernel
def _next_segment(seen: SeenFilter) -> int:
    """The segment to fill next: the following one, or, after the last, the emptied first ones."""
    last = len(seen.pairs) - 1
    following = int(seen.current[0]) + 1
    if following > last:
        following = 0
        for segment in range(last):
            _empty(seen, segment)
    elif seen.pairs[following] > 0:
        _empty(seen, following)
    seen.current[0] = following
    return following


@kernel
def _empty(seen: SeenFilter, segment: int) -> None:
    for word in range(seen.starts[segment], min(seen.starts[segment + 1], len(seen.words))):
        seen.words[word] = np.uint64(0)
    seen.pairs[segment] = 0
