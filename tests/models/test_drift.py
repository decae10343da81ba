from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.drift import DriftDetector, LevelDriftDetector, ShapeDriftDetector

Stream = npt.NDArray[Any]

SHARED = Path(__file__).parents[3] / "shared/data"


class Detector(Protocol):
    def update(self, stream: Any, /) -> int: ...


def hits(*parts: tuple[int, float]) -> Stream:
    """Parts of a stream, each with its length and hit rate."""
    random = np.random.default_rng(1)
    return np.concatenate([random.random(events) < rate for events, rate in parts])


def losses(*parts: tuple[int, float]) -> Stream:
    """Parts of a skewed stream, each with its length and mean."""
    random = np.random.default_rng(2)
    return np.concatenate([random.gamma(2.0, mean / 2.0, values) for values, mean in parts])


def margins(*parts: tuple[int, float, float]) -> Stream:
    """Parts of a stream, each with its length, its mean and its standard deviation."""
    random = np.random.default_rng(3)
    return np.concatenate([random.normal(mean, deviation, values) for values, mean, deviation in parts])


def arrivals(name: str) -> Stream:
    """1 for each event of a data set whose item is new."""
    items = parquet.read_table(SHARED / f"{name}.events.parquet", columns=["item_id"])["item_id"].to_numpy()
    new = np.zeros(len(items))
    new[np.unique(items.astype(str), return_index=True)[1]] = 1
    return new


def changes_at(detector: Detector, stream: Stream, batch_events: int) -> list[int]:
    """After how many events a change was noticed."""
    found = []
    for start in range(0, len(stream), batch_events):
        found += [start + batch_events] * detector.update(stream[start : start + batch_events])
    return found


@pytest.mark.parametrize("rates", [(0.3, 0.1), (0.1, 0.3)], ids=["it falls", "it rises"])
def test_a_change_of_the_hit_rate_is_noticed_soon(rates: tuple[float, float]) -> None:
    spliced = hits((30_000, rates[0]), (6_000, rates[1]))
    assert 30_000 < changes_at(DriftDetector(), spliced, 100)[0] < 33_000


def test_a_steady_hit_rate_shows_no_change() -> None:
    assert changes_at(DriftDetector(), hits((200_000, 0.2)), 1000) == []


@pytest.mark.parametrize("levels", [(2.0, 3.0), (3.0, 2.0)], ids=["it rises", "it falls"])
def test_a_change_of_the_log_loss_is_noticed_soon(levels: tuple[float, float]) -> None:
    spliced = losses((30_000, levels[0]), (30_000, levels[1]), (30_000, levels[0]))
    first, second = changes_at(LevelDriftDetector(), spliced, 50)
    assert 30_000 < first < 31_000
    assert 60_000 < second < 61_000


def test_new_items_that_arrive_thrice_as_often_are_noticed_soon() -> None:
    assert 40_000 < changes_at(LevelDriftDetector(), hits((40_000, 0.01), (4_000, 0.03)), 100)[0] < 42_500


@pytest.mark.parametrize(
    "steady", [losses((200_000, 2.0)), hits((200_000, 0.01)), np.zeros(200_000)], ids=["loss", "arrivals", "constant"]
)
def test_a_steady_level_shows_no_change(steady: Stream) -> None:
    assert changes_at(LevelDriftDetector(), steady, 1000) == []


@pytest.mark.shared_data
@pytest.mark.skipif(not SHARED.is_dir(), reason="the data sets that do not ship are not here")
@pytest.mark.parametrize(
    ("before", "after"), [("yoochoose-100k", "online-retail"), ("ml-1m-positive", "ifdb"), ("ifdb", "yoochoose-100k")]
)
def test_the_items_of_another_data_set_are_noticed_soon(before: str, after: str) -> None:
    head, tail = arrivals(before), arrivals(after)[:5_000]
    assert len(head) < changes_at(LevelDriftDetector(), np.concatenate([head, tail]), 100)[0] < len(head) + 1_500


@pytest.mark.parametrize(
    "after", [(0.7, 1.0), (0.0, 3.0)], ids=["the margins grow", "the margins scatter about the same mean"]
)
def test_a_change_of_the_distribution_is_noticed_soon(after: tuple[float, float]) -> None:
    spliced = margins((16_000, 0.0, 1.0), (4_000, *after))
    assert 16_000 < changes_at(ShapeDriftDetector(sample_every=8), spliced, 100)[0] < 18_000


def test_a_steady_distribution_shows_no_change() -> None:
    assert changes_at(ShapeDriftDetector(sample_every=4), margins((16_000, 0.0, 1.0)), 1000) == []


CUT = {
    "served hits": (DriftDetector, hits((3_000, 0.4), (3_000, 0.05), (3_000, 0.5)), 2),
    "level": (LevelDriftDetector, losses((12_000, 2.0), (12_000, 4.0)), 1),
    "distribution": (lambda: ShapeDriftDetector(sample_every=7), margins((8_000, 0.0, 1.0), (2_000, 2.0, 1.0)), 1),
}


@pytest.mark.parametrize(("build", "stream", "least"), CUT.values(), ids=CUT.keys())
@settings(max_examples=12, deadline=None)
@given(cuts=st.lists(st.integers(0, 9_000), max_size=30))
def test_the_same_stream_shows_the_same_changes_however_it_is_cut(
    build: Callable[[], Detector], stream: Stream, least: int, cuts: list[int]
) -> None:
    detector = build()
    parts = sum(detector.update(stream[start:stop]) for start, stop in pairwise(sorted([0, *cuts, len(stream)])))
    assert parts == build().update(stream) >= least


@pytest.mark.parametrize("build", [DriftDetector, LevelDriftDetector, ShapeDriftDetector])
def test_no_values_show_nothing(build: Callable[[], Detector]) -> None:
    assert build().update(np.zeros(0)) == 0
