"""What every baseline promises."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.baselines.baseline import Baseline, ranks_by
from models.baselines.registry import BASELINES
from models.baselines.stream import Stream
from models.batch import Float32s, Interactions
from tests.support.learning import batch_of, random_batch

Build = Callable[[Stream], Baseline]

EVENTS = 12_000
ITEMS = 90
GROUPS = 3


@pytest.fixture(scope="module", params=list(BASELINES))
def build(request: pytest.FixtureRequest) -> Build:
    """Each baseline that can run here."""
    if request.param == "ials":
        pytest.importorskip("implicit")
    return BASELINES[request.param]


@pytest.fixture(scope="module")
def batch() -> Interactions:
    """Each user keeps to a third of the items, of which some are taken far more often than others."""
    random = np.random.default_rng(1)
    users = random.integers(0, 150, EVENTS)
    within = np.minimum(random.geometric(0.12, EVENTS) - 1, ITEMS // GROUPS - 1)
    items = within * GROUPS + users % GROUPS
    names = [f"u{user}" for user in users], [f"i{item}" for item in items]
    return Interactions.of(*names, np.arange(EVENTS, dtype=np.int64) * 1000)


def had_before(stream: Stream) -> list[set[int]]:
    """The items that the event's user had, for each event."""
    own: dict[int, set[int]] = {}
    before = []
    for user, item in zip(stream.users.tolist(), stream.items.tolist(), strict=True):
        before.append(set(own.setdefault(user, set())))
        own[user].add(item)
    return before


def ranks_of(build: Build, stream: Stream) -> Float32s:
    return ranks_by(build(stream), len(stream.users))


def test_it_works_before_any_event(build: Build) -> None:
    build(Stream.of(batch_of([]), seen_excluded=False)).rank_then_learn(0, 0, np.zeros(0, np.float32))
    one = Stream.of(batch_of([("a", "x", 0, 1.0)]), seen_excluded=True)
    assert ranks_of(build, one).tolist() == [np.inf]


@pytest.mark.parametrize("seen_excluded", [False, True])
def test_ranks_lie_within_the_items_that_came_before_and_are_not_left_out(
    build: Build, batch: Interactions, seen_excluded: bool
) -> None:
    stream = Stream.of(batch, seen_excluded=seen_excluded)
    ranks = ranks_of(build, stream)
    for index, own in enumerate(had_before(stream)):
        known, item = int(stream.known[index]), int(stream.items[index])
        if item < known and not (seen_excluded and item in own):
            assert 1 <= ranks[index] <= known - seen_excluded * len(own)
            assert (2 * ranks[index]).is_integer()
        else:
            assert ranks[index] == np.inf


def test_the_only_item_that_is_not_left_out_ranks_first(build: Build) -> None:
    users, items = [*"abcda" * 5, *"eeee"], [*"vwxyz" * 5, *"wxyz"]
    stream = Stream.of(Interactions.of(users, items, range(len(users))), seen_excluded=True)
    *_, fourth, third, second = ranks_of(build, stream)
    assert (fourth <= 4, third <= 3, second <= 2) == (True, True, True)
    users, items = [*users, "e"], [*items, "v"]
    assert ranks_of(build, Stream.of(Interactions.of(users, items, range(len(users))), seen_excluded=True))[-1] == 1


def test_it_beats_chance_where_there_is_something_to_learn(build: Build, batch: Interactions) -> None:
    stream = Stream.of(batch, seen_excluded=False)
    places = (ranks_of(build, stream) / stream.known)[EVENTS // 2 :]
    assert places.mean() < 0.35  # 0.5 by chance


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, EVENTS), max_size=5))
def test_ranks_do_not_depend_on_how_the_stream_is_cut(build: Build, batch: Interactions, cuts: list[int]) -> None:
    stream = Stream.of(batch.slice(0, 6_000), seen_excluded=False)
    baseline, ranks = build(stream), np.full(6_000, np.inf, np.float32)
    for start, stop in pairwise([0, *sorted(cut // 2 for cut in cuts), 6_000]):
        baseline.rank_then_learn(start, stop, ranks)
    np.testing.assert_array_equal(ranks, ranks_of(build, stream))


@pytest.mark.parametrize("seen_excluded", [False, True])
def test_ranks_do_not_depend_on_what_comes_later(build: Build, seen_excluded: bool) -> None:
    batch = random_batch(2, 3_000, 40, 300)
    whole = ranks_of(build, Stream.of(batch, seen_excluded=seen_excluded))
    first = ranks_of(build, Stream.of(batch.slice(0, 1_000), seen_excluded=seen_excluded))
    np.testing.assert_array_equal(whole[:1_000], first)


def test_memory_follows_users_and_items_not_events_or_pairs(build: Build) -> None:
    def size_bytes(events: int, users: int, items: int) -> int:
        numbers = range(events)
        names = [f"u{number % users}" for number in numbers], [f"i{number % items}" for number in numbers]
        stream = Stream.of(Interactions.of(*names, numbers), seen_excluded=False)
        baseline = build(stream)
        ranks_by(baseline, events)
        return baseline.size_bytes()

    assert size_bytes(2_000, 50, 70) == size_bytes(20_000, 50, 70)
    assert size_bytes(3_000, 1_500, 1_000) < 50_000 + 2_000 * 2_500
