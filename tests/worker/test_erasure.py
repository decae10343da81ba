"""Which requests to forget a partition has fulfilled, and which events are from before one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.digests import digest
from tests.support.control import forget
from worker.control_records import user_key
from worker.erasure import Bygone, Erased, Fulfilled


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=12))
def test_what_was_fulfilled_is_known_after_a_snapshot_too(steps: list[tuple[str, int]]) -> None:
    erased = Erased()
    for number, (user, requested_at) in enumerate(steps):
        erased.note(forget(user, requested_at), number)
    other = Erased()
    other.load_state(erased.state())
    assert other.due() == erased.due()
    last = dict(steps)
    for user in "abc":
        for moment in range(10):
            assert other.has(forget(user, moment)) == (moment <= last.get(user, -1))


def test_a_receipt_settles_the_request_that_it_is_for_and_none_after_it() -> None:
    erased = Erased()
    erased.note(forget("a", 5), 6)
    erased.settle("a", 4)
    assert erased.due() == {user_key("a"): Fulfilled(5, 6, is_due=True)}
    erased.settle("a", 5)
    erased.settle("stranger", 9)
    assert erased.due() == {}
    assert erased.has(forget("a", 5))
    assert not erased.has(forget("stranger", 1))


def test_requests_that_were_taken_back_are_not_due() -> None:
    erased = Erased()
    erased.note(forget("a", 5), 6)
    erased.note(forget("b", 5), 6)
    erased.keep_only({user_key("b")})
    assert list(erased.due()) == [user_key("b")]
    assert not erased.has(forget("a", 5))


def test_a_snapshot_from_before_there_were_requests_has_fulfilled_none() -> None:
    erased = Erased()
    erased.load_state({})
    assert not erased.has(forget("a", 0))


@pytest.mark.parametrize("wrong", ["requested_ms", "erased_ms", "is_due"])
def test_a_snapshot_whose_columns_differ_in_length_is_refused(wrong: str) -> None:
    erased = Erased()
    erased.note(forget("a", 5), 6)
    arrays = erased.state()
    with pytest.raises(ValueError, match="argument"):
        Erased().load_state(arrays | {wrong: np.repeat(arrays[wrong], 2)})


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 5)),
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(-1, 6))),
)
def test_events_up_to_the_request_of_their_user_are_bygone(
    requests: dict[str, int], events: list[tuple[str, int]]
) -> None:
    bygone = Bygone()
    bygone.set({user: forget(user, moment) for user, moment in requests.items()})
    users, times = [user for user, _ in events], np.array([moment for _, moment in events], np.int64)
    found = bygone.are_bygone(digest(users).keys, times)
    assert found.tolist() == [user in requests and moment <= requests[user] for user, moment in events]
