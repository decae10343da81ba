"""Each baseline computes what its paper says: compared with plain Python, and on cases whose answer is obvious."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from math import sqrt

import numpy as np
import pytest

from models.baselines import ials, isgd, popularity
from models.baselines.baseline import Compiled, ranks_by
from models.baselines.registry import BASELINES
from models.baselines.rows import WIDTH, Rows, add
from models.baselines.stream import Stream
from models.batch import Float32s, Interactions
from tests.support.learning import random_batch

Scores = dict[int, float]
Plain = Callable[[Stream], Iterator[Scores]]


def popular(stream: Stream) -> Iterator[Scores]:
    counts: Scores = {}
    for item in stream.items.tolist():
        yield counts
        counts = {other: count * 2 ** (-1 / 1000) for other, count in counts.items()}
        counts[item] = counts.get(item, 0.0) + 1


def covisited(stream: Stream) -> Iterator[Scores]:
    followers: dict[int, Scores] = defaultdict(lambda: defaultdict(float))
    pasts: dict[int, list[int]] = defaultdict(list)
    for user, item in zip(stream.users.tolist(), stream.items.tolist(), strict=True):
        scores: Scores = defaultdict(float)
        for distance, own in enumerate(pasts[user][:-31:-1]):
            total = sum(followers[own].values()) + 1
            for other, count in followers[own].items():
                scores[other] += 0.75**distance * count / total
        yield scores
        for distance, own in enumerate(pasts[user][:-21:-1]):
            followers[own][item] += 0.85**distance
        pasts[user].append(item)


def alike(stream: Stream) -> Iterator[Scores]:
    pairs: Counter[tuple[int, int]] = Counter()
    takers: Counter[int] = Counter()
    pasts: dict[int, list[int]] = defaultdict(list)
    for user, item in zip(stream.users.tolist(), stream.items.tolist(), strict=True):
        scores: Scores = defaultdict(float)
        for distance, own in enumerate(pasts[user][:-21:-1]):
            for other in takers:
                cosine = pairs[own, other] / (sqrt(takers[own] * takers[other]) + 20)
                scores[other] += 0.85**distance * cosine
        yield scores
        recent = pasts[user][-10:]
        if item not in recent:
            takers[item] += 1
            pairs.update([(item, other) for other in set(recent)] + [(other, item) for other in set(recent)])
        pasts[user].append(item)


def bounds(scores: Scores, item: int, known: int) -> tuple[float, float]:
    """The least and greatest rank where scores that differ by rounding only may count as equal or not."""
    mine = scores.get(item, 0.0)
    others = [scores.get(other, 0.0) for other in range(known) if other != item]
    close = [abs(other - mine) <= 1e-4 * abs(mine) for other in others]
    higher = sum(other > mine for other, near in zip(others, close, strict=True) if not near)
    return 1 + higher, 1 + higher + sum(close)


@pytest.mark.parametrize(
    ("name", "plain"),
    [("popularity", popular), ("covisitation", covisited), ("itemknn", alike)],
    ids=["popularity", "covisitation", "itemknn"],
)
def test_ranks_are_those_of_plain_python(name: str, plain: Plain) -> None:
    stream = Stream.of(random_batch(1, 1_500, 25, 60), seen_excluded=False)
    ranks = ranks_by(BASELINES[name](stream), len(stream.users))
    exact = 0
    for index, scores in enumerate(plain(stream)):
        item, known = int(stream.items[index]), int(stream.known[index])
        if item < known:
            least, most = bounds(scores, item, known)
            assert least <= ranks[index] <= most, index
            exact += least == most
    assert exact > 700


def test_popularity_goes_on_when_its_numbers_are_scaled_down(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream.of(random_batch(2, 800, 10, 20), seen_excluded=False)
    expected = ranks_by(popularity.popularity(stream), 800)
    baseline = popularity.popularity(stream)
    assert isinstance(baseline, Compiled)
    state = baseline.state
    state.scale[0] = 1e100 / 1.3
    np.testing.assert_array_equal(ranks_by(baseline, 800), expected)
    assert state.scale[0] < 10


def rank_of_last(name: str, *timelines: str) -> float:
    """The rank of the last user's last item, where each letter is an item and each user's events come in a row."""
    users = [f"u{number}" for number, timeline in enumerate(timelines) for _ in timeline]
    stream = Stream.of(Interactions.of(users, list("".join(timelines)), range(len(users))), seen_excluded=True)
    return float(ranks_by(BASELINES[name](stream), len(users))[-1])


@pytest.mark.parametrize("name", ["covisitation", "itemknn", "sessions"])
def test_what_others_took_after_the_same_item_comes_first(name: str) -> None:
    assert rank_of_last(name, "ab", "ab", "cd", "cd", "cd", "ef", "ab") == 1


def test_those_who_have_more_in_common_say_what_comes_next() -> None:
    assert rank_of_last("sessions", "xyza", *["wvzb"] * 2, "xyza") == 1


def test_of_a_neighbour_what_lies_closer_to_the_match_counts_more() -> None:
    assert rank_of_last("sessions", "mbca", "mb") < rank_of_last("sessions", "mbca", "ma")


def test_only_the_nearest_neighbours_vote() -> None:
    """A hundred users share two items; those who share one have no vote, so that their items are tied at nothing."""
    near, far = ["xyb"] * 100, ["yqa"] * 90
    assert rank_of_last("sessions", *near, *far, "xyb") == 1
    assert rank_of_last("sessions", *near, *far, "xya") == 2.5
    assert rank_of_last("sessions", *near[1:], *far, "xyq") == 2


def test_gradient_steps_bring_a_pair_closer_to_one() -> None:
    stream = Stream.of(Interactions.of(["a"] * 50, ["x"] * 50, range(50)), seen_excluded=False)
    baseline = isgd.isgd(stream)
    ranks_by(baseline, 50)
    assert isinstance(baseline, Compiled)
    state = baseline.state
    assert float(state.users[0] @ state.items[:, 0]) == pytest.approx(1, abs=0.1)


def test_pairs_learn_what_a_user_takes_and_what_not() -> None:
    """Two users take turns with items of their own; each one's come before the other's."""
    stream = Stream.of(Interactions.of([*"ab" * 300], [*"vqwrxs" * 100], range(600)), seen_excluded=False)
    assert ranks_by(BASELINES["bpr"](stream), 600)[-100:].max() <= 3


def test_a_full_row_gives_up_what_counts_least() -> None:
    rows = Rows.empty(1)
    for other in range(WIDTH):
        add(rows, 0, other, 1.0 if other == 7 else 2.0)
    add(rows, 0, 900, 0.5)
    assert 7 not in rows.items[0]
    assert rows.counts[0, rows.items[0] == 900].tolist() == [0.5]
    add(rows, 0, 3, 1.0)
    assert rows.counts[0, rows.items[0] == 3].tolist() == [3.0]


def test_folding_in_solves_the_least_squares_of_one_user() -> None:
    random = np.random.default_rng(3)
    items = random.normal(0, 0.3, (40, ials.FACTORS)).astype(np.float32)
    state = fitted_state(items)
    events = np.array([3, 8, 3, 21], np.int32)
    for _ in range(40):  # each call goes on from the last one's answer
        ials._fold_in(state, state.users[0], ials._own_items(state, events))
    confidence = np.ones(40)
    confidence[[3, 8, 21]] += np.array([2, 1, 1]) * ials.ALPHA
    system = items.T @ (confidence[:, None] * items) + ials.REGULARIZATION * np.eye(ials.FACTORS)
    expected = np.linalg.solve(system, items.T @ np.where(confidence > 1, confidence, 0))
    np.testing.assert_allclose(state.users[0], expected, atol=1e-4)
    assert not state.counts.any()


def fitted_state(items: Float32s) -> ials.State:
    """As after a fit that found these items' factors."""
    state = ials.State.empty(1, len(items))
    state.items[:] = items
    state.gram[:] = items.T @ items + ials.REGULARIZATION * np.eye(ials.FACTORS)
    return state
