import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.recent import RecentKeys

WINDOWS = st.integers(1, 5)
STREAMS = st.lists(st.integers(0, 12) | st.integers(0, 2**64 - 1), max_size=80)
CUTS = st.lists(st.integers(1, 9), max_size=30)


class PlainKeys:
    """The same in plain words."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.counts: dict[int, int] = {}

    def count(self, key: int) -> int:
        if key == 0:
            return 0
        if key not in self.counts and len(self.counts) == 2 * self.window:
            self.counts = dict(list(self.counts.items())[self.window :])
        before = self.counts.get(key, 0)
        self.counts[key] = before + 1
        return before


def keys(stream: list[int]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.array(stream, np.uint64)


@given(WINDOWS, STREAMS, CUTS, st.integers(0, 30))
def test_counts_are_those_of_a_plain_dictionary_however_the_stream_is_cut(
    window: int, stream: list[int], cuts: list[int], restart: int
) -> None:
    recent, plain, counted, start = RecentKeys(window), PlainKeys(window), [], 0
    for call, size in enumerate([*cuts, len(stream) + 1]):
        if call == restart:
            state, recent = recent.state(), RecentKeys(window)
            recent.load_state(state)
        counted += recent.count(keys(stream[start : start + size])).tolist()
        start += size
    assert counted == [plain.count(key) for key in stream]
    assert recent.state()["keys"].tolist() == list(plain.counts)
    assert recent.state()["counts"].tolist() == list(plain.counts.values())


def test_a_key_is_surely_known_for_as_many_further_keys_as_the_window_has() -> None:
    recent = RecentKeys(100)
    for first in range(1, 1000, 37):
        recent.count(keys([first]))
        recent.count(keys(list(range(10_000 * first, 10_000 * first + 99))))
        assert recent.count(keys([first])).tolist() == [1]


def test_a_smaller_window_takes_over_the_newest_keys() -> None:
    large, small = RecentKeys(10), RecentKeys(2)
    large.count(keys(list(range(1, 16))))
    small.load_state(large.state())
    assert small.state()["keys"].tolist() == [14, 15]
    assert small.count(keys([13, 14, 15])).tolist() == [0, 1, 1]


def test_a_state_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="as many counts"):
        RecentKeys(2).load_state({"keys": keys([1, 2]), "counts": np.zeros(1, np.int32)})
