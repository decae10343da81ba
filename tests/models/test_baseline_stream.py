import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.baselines.stream import LEFT_OUT, Stream, holds, is_known, note_rank, past_items
from models.batch import Interactions
from tests.support.learning import batch_of, random_batch

SCORES = st.lists(st.integers(-3, 3), min_size=5, max_size=5)


def stream_of(users: str, items: str, *, seen_excluded: bool = False) -> Stream:
    return Stream.of(Interactions.of(list(users), list(items), range(len(users))), seen_excluded=seen_excluded)


def test_rows_are_numbered_as_they_first_come() -> None:
    stream = stream_of("baab", "yxyz")
    assert stream.users.tolist() == [0, 1, 1, 0]
    assert stream.items.tolist() == [0, 1, 0, 2]
    assert stream.known.tolist() == [0, 1, 2, 2]
    assert [is_known(stream, index) for index in range(4)] == [False, False, True, False]
    assert stream.item_count == 3


def test_the_past_of_an_event_is_what_its_user_had_before_it() -> None:
    batch = random_batch(1, 500, 20, 30)
    stream = Stream.of(batch, seen_excluded=False)
    past: dict[int, list[int]] = {}
    for index, (user, item) in enumerate(zip(stream.users.tolist(), stream.items.tolist(), strict=True)):
        assert past_items(stream, index).tolist() == past.setdefault(user, [])
        past[user].append(item)


def test_events_without_weight_are_not_there() -> None:
    stream = Stream.of(batch_of([("a", "x", 0, 1.0), ("b", "y", 1, 0.0), ("a", "z", 1, 2.0)]), seen_excluded=False)
    assert stream.places.tolist() == [0, 2]
    assert stream.items.tolist() == [0, 1]
    assert len(stream.begins) == 1


@given(SCORES, st.booleans())
def test_the_rank_counts_what_scores_higher_and_half_of_what_scores_the_same(
    scores: list[int], seen_excluded: bool
) -> None:
    """Of five items, four came before; the user had two of these, once or more."""
    stream = stream_of("aabcabd", "vvwxwyx", seen_excluded=seen_excluded)
    ranks = np.full(7, np.inf, np.float32)
    note_rank(stream, 4, np.array(scores[:4], np.float32), ranks)  # user a had v, and takes w
    others = [scores[item] for item in ([2] if seen_excluded else [0, 2])]
    expected = 1 + sum(score > scores[1] for score in others) + sum(score == scores[1] for score in others) / 2
    assert ranks.tolist() == [*[np.inf] * 4, expected, np.inf, np.inf]


def test_an_item_that_is_left_out_has_no_rank() -> None:
    stream = stream_of("aab", "xxy", seen_excluded=True)
    ranks, scores = np.full(3, np.inf, np.float32), np.ones(2, np.float32)
    note_rank(stream, 1, scores, ranks)
    assert ranks.tolist() == [np.inf] * 3
    assert scores.tolist() == [LEFT_OUT, 1]


def test_an_item_is_among_some_or_not() -> None:
    assert holds(np.array([3, 1, 2], np.int32), 1)
    assert not holds(np.array([3, 1, 2], np.int32), 4)
    assert not holds(np.zeros(0, np.int32), 0)
