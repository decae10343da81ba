"""Histories: splits, windows, and what stood before an event."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.batch import Interactions
from models.neural.histories import (
    TEST,
    TRAIN,
    VALIDATION,
    before,
    by_time,
    by_users,
    had,
    histories_of,
    leave_one_out,
    windows,
)

EVENTS = st.lists(st.tuples(st.sampled_from("uvwx"), st.sampled_from("abcdefg")), min_size=1, max_size=40)


def stream_of(pairs: list[tuple[str, str]]) -> Interactions:
    users, items = zip(*pairs, strict=True)
    return Interactions.of(users, items, np.arange(len(pairs)))


def test_the_last_events_of_the_stream_test_and_those_before_validate() -> None:
    parts = by_time(stream_of([("u", "a")] * 10), 0.2, 0.3)
    assert parts.tolist() == [TRAIN] * 5 + [VALIDATION] * 2 + [TEST] * 3


def test_the_last_event_of_each_user_tests_the_last_but_one_validates_and_short_users_train() -> None:
    parts = leave_one_out(stream_of([("u", "a"), ("v", "a"), ("u", "b"), ("u", "c"), ("v", "d"), ("u", "e")]))
    assert parts.tolist() == [TRAIN, TRAIN, TRAIN, VALIDATION, TRAIN, TEST]


def test_all_events_of_chosen_users_test() -> None:
    parts = by_users(stream_of([("u", "a"), ("v", "a"), ("u", "b"), ("w", "c"), ("u", "d")]), {"u"}, 0.5)
    assert parts.tolist() == [TEST, TRAIN, TEST, VALIDATION, TEST]


@given(EVENTS, st.integers(1, 5))
def test_windows_hold_each_training_event_but_a_users_first_as_a_target_once(
    pairs: list[tuple[str, str]], length: int
) -> None:
    stream = stream_of(pairs)
    histories = histories_of(stream, by_time(stream, 0.1, 0.2))
    cut = windows(histories, length)
    targets = cut[:, :-1][cut[:, 1:] >= 0]
    trained = np.flatnonzero(histories.parts == TRAIN)
    assert sorted(targets.tolist()) == [place for place in trained if place > histories.starts[histories.users[place]]]
    older = cut[:, 1:][cut[:, 1:] >= 0]
    assert (targets - older == 1).all()


@given(EVENTS, st.integers(1, 5))
def test_before_an_event_stand_its_users_last_trained_items_newest_first(
    pairs: list[tuple[str, str]], length: int
) -> None:
    stream = stream_of(pairs)
    histories = histories_of(stream, by_time(stream, 0.2, 0.3))
    places = np.arange(len(pairs))
    found = before(histories, places, length)
    rows, items = had(histories, places)
    for place in places:
        start = histories.starts[histories.users[place]]
        known = [row if row < len(histories.item_ids) else -1 for row in histories.items[start:place].tolist()]
        newest = known[::-1][:length]
        assert found[place].tolist() == newest + [-1] * (length - len(newest))
        assert items[rows == place].tolist() == [row for row in known if row >= 0]


def test_items_that_training_never_met_have_rows_beyond_the_others() -> None:
    stream = stream_of([("u", "b"), ("u", "a"), ("v", "b"), ("v", "new")])
    histories = histories_of(stream, by_time(stream, 0.0, 0.25))
    assert histories.item_ids == ["a", "b"]
    assert histories.items.tolist() == [1, 0, 1, 2]
    assert histories.with_history(TEST).tolist() == [3]


def test_seen_items_are_left_out_where_nobody_takes_one_again() -> None:
    once = [(f"u{user}", f"i{item}") for user in range(30) for item in range(10)]
    for pairs, expected in ((once, True), (once + once[:30], False), (once[:20], False)):
        stream = stream_of(pairs)
        assert histories_of(stream, by_time(stream, 0.1, 0.1)).seen_excluded == expected
