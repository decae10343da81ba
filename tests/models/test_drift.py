from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.batch import Bools
from models.drift import DriftDetector


def hits(*parts: tuple[int, float]) -> Bools:
    """Parts of a stream, each with its length and hit rate."""
    random = np.random.default_rng(1)
    return np.concatenate([random.random(events) < rate for events, rate in parts])


def changes_at(stream: Bools, batch_events: int) -> list[int]:
    """After how many events a change was noticed."""
    detector = DriftDetector()
    found = []
    for start in range(0, len(stream), batch_events):
        found += [start + batch_events] * detector.update(stream[start : start + batch_events])
    return found


@pytest.mark.parametrize("rates", [(0.3, 0.1), (0.1, 0.3)], ids=["it falls", "it rises"])
def test_a_change_of_the_hit_rate_is_noticed_soon(rates: tuple[float, float]) -> None:
    spliced = hits((30_000, rates[0]), (6_000, rates[1]))
    assert 30_000 < changes_at(spliced, 100)[0] < 33_000


def test_a_steady_hit_rate_shows_no_change() -> None:
    assert changes_at(hits((200_000, 0.2)), 1000) == []


@settings(max_examples=25)
@given(st.lists(st.integers(0, 9_000), max_size=30))
def test_the_same_stream_shows_the_same_changes_however_it_is_cut(cuts: list[int]) -> None:
    stream = hits((3_000, 0.4), (3_000, 0.05), (3_000, 0.5))
    detector = DriftDetector()
    parts = sum(detector.update(stream[start:stop]) for start, stop in pairwise(sorted([0, *cuts, len(stream)])))
    assert parts == DriftDetector().update(stream) >= 2


def test_nothing_served_shows_nothing() -> None:
    assert DriftDetector().update(np.zeros(0, np.bool_)) == 0
