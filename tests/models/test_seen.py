import numpy as np
import pytest

from models.batch import Bools, UInt64s
from models.compiled import kernel
from models.seen import (
    FIRST_SEGMENT_PAIRS,
    SeenFilter,
    add_seen,
    check_segments,
    has_seen,
    pair_hash,
    with_room,
    words_used,
)


@kernel
def add_all(seen: SeenFilter, users: UInt64s, items: UInt64s) -> None:
    for index in range(len(users)):
        add_seen(seen, pair_hash(users[index], items[index]))


@kernel
def find_all(seen: SeenFilter, users: UInt64s, items: UInt64s, found: Bools) -> None:
    for index in range(len(users)):
        found[index] = has_seen(seen, pair_hash(users[index], items[index]))


def pairs(seed: int, count: int) -> tuple[UInt64s, UInt64s]:
    """Different pairs of few users and few items, as hashes."""
    random = np.random.default_rng(seed)
    users, items = (random.integers(0, 2**64, 4096, np.uint64) for _ in range(2))
    chosen = random.permutation(4096 * 4096)[:count]
    return users[chosen // 4096], items[chosen % 4096]


def filled(seen: SeenFilter, some: tuple[UInt64s, UInt64s]) -> SeenFilter:
    seen = with_room(seen, len(some[0]))
    add_all(seen, *some)
    return seen


def found(seen: SeenFilter, some: tuple[UInt64s, UInt64s]) -> float:
    result = np.zeros(len(some[0]), np.bool_)
    find_all(seen, *some, result)
    return float(result.mean())


@pytest.mark.parametrize("segments", [1, 2, 3, 7])
def test_all_pairs_are_found_and_of_others_about_one_in_ten_thousand_each_segment(segments: int) -> None:
    full = FIRST_SEGMENT_PAIRS * ((1 << segments) - 1)
    some, others = pairs(1, full), pairs(2, 1_000_000)
    seen = filled(SeenFilter.empty(8), some)
    assert seen.current[0] == segments - 1
    assert found(seen, some) == 1.0
    assert 0.6e-4 * segments < found(seen, others) < 1.2e-4 * segments


def test_a_segment_is_filled_to_its_exact_number_of_pairs_then_all_but_the_last_start_over() -> None:
    first, second = FIRST_SEGMENT_PAIRS, 2 * FIRST_SEGMENT_PAIRS
    users, items = pairs(3, 2 * (first + second) + 1)

    def part(start: int, stop: int) -> tuple[UInt64s, UInt64s]:
        return users[start:stop], items[start:stop]

    seen = filled(SeenFilter.empty(2), part(0, first + second))
    assert (seen.pairs.tolist(), seen.current[0]) == ([first, second], 1)
    assert found(seen, part(0, first + second)) == 1.0
    seen = filled(seen, part(first + second, first + second + 1))
    assert (seen.pairs.tolist(), seen.current[0]) == ([1, second], 0)
    assert found(seen, part(first, first + second + 1)) == 1.0
    assert found(seen, part(0, first)) < 0.001
    seen = filled(seen, part(first + second + 1, len(users)))
    assert (seen.pairs.tolist(), seen.current[0]) == ([1, second], 0)
    assert found(seen, part(first + second + first, len(users))) == 1.0
    assert len(seen.words) == seen.starts[-1]


def test_memory_grows_with_the_pairs_up_to_its_bound() -> None:
    seen = with_room(SeenFilter.empty(3), 1)
    assert len(seen.words) == seen.starts[1]
    assert len(with_room(seen, FIRST_SEGMENT_PAIRS + 1).words) == seen.starts[2]
    assert len(with_room(seen, 10**9).words) == seen.starts[3]
    assert seen.starts[3] * 64 == 24 * FIRST_SEGMENT_PAIRS * 7


def test_only_segments_with_pairs_are_used() -> None:
    seen = with_room(SeenFilter.empty(3), 10**9)
    assert words_used(seen) == 0
    assert words_used(filled(seen, pairs(4, 1))) == seen.starts[1]


def test_parts_that_contradict_each_other_are_refused() -> None:
    seen = filled(SeenFilter.empty(2), pairs(5, 10))
    check_segments(seen)
    counts = np.array([0, 1], np.int64)
    for wrong in (
        seen._replace(current=np.array([2])),
        seen._replace(current=np.array([-1])),
        seen._replace(pairs=np.array([FIRST_SEGMENT_PAIRS + 1, 0])),
        seen._replace(pairs=-counts),
        seen._replace(pairs=counts),
        seen._replace(starts=seen.starts * 2),
    ):
        with pytest.raises(ValueError, match="do not fit each other"):
            check_segments(wrong)
