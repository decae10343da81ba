"""The bound on dead letters in a second."""

from hypothesis import given
from hypothesis import strategies as st

from worker.allowance import Allowance

PAUSES_SECONDS = st.lists(st.floats(0, 3), min_size=1, max_size=200)


@given(pauses_seconds=PAUSES_SECONDS, per_second=st.floats(1, 50))
def test_no_span_of_time_gets_more_than_its_share_and_one_seconds_worth(
    pauses_seconds: list[float], per_second: float
) -> None:
    now_seconds = 0.0
    allowance = Allowance(per_second, now_seconds)
    taken = 0
    for pause_seconds in pauses_seconds:
        now_seconds += pause_seconds
        taken += allowance.take(now_seconds)
        assert taken <= per_second * (1 + now_seconds) + 1e-6


@given(pauses_seconds=PAUSES_SECONDS)
def test_what_comes_more_slowly_than_allowed_is_never_refused(pauses_seconds: list[float]) -> None:
    now_seconds = 0.0
    allowance = Allowance(10.0, now_seconds)
    for pause_seconds in pauses_seconds:
        now_seconds += 0.11 + pause_seconds
        assert allowance.take(now_seconds)


def test_zero_is_no_bound() -> None:
    allowance = Allowance(0.0, 0.0)
    assert all(allowance.take(0.0) for _ in range(10_000))
