from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.records import NOW_MS, line
from worker.adapters.memory_source import MemoryRecord
from worker.events import Reject
from worker.settings import CleanSettings, EventSettings
from worker.steps.clean import Cleaner
from worker.steps.columns import Cleaned
from worker.steps.decode import Decoder

DECODER = Decoder(EventSettings())
DAY_MS = 86_400_000
OFF = CleanSettings(
    dedupe_window_events=0,
    max_future_seconds=0,
    max_age_days=0,
    max_lateness_seconds=0,
    max_user_events_per_minute=0,
)


def settings(**given: Any) -> CleanSettings:
    """Everything off but what is given."""
    return OFF.model_copy(update=given)


def clean(cleaner: Cleaner, *values: bytes, times: list[int] | None = None) -> Cleaned:
    stamps = times or [NOW_MS] * len(values)
    records = [MemoryRecord(place, stamps[place], None, value) for place, value in enumerate(values)]
    return cleaner.clean(DECODER.decode(0, records))


def kept(cleaner: Cleaner, *values: bytes) -> list[int]:
    """The offsets of the events that are kept."""
    return [int(offset) for offset in clean(cleaner, *values).offsets]


def test_good_events_pass_as_they_are() -> None:
    cleaned = clean(Cleaner(CleanSettings()), line("a", "x"), line("b", "y", "dislike"))
    assert (cleaned.batch.users, cleaned.batch.items) == (["a", "b"], ["x", "y"])
    assert cleaned.batch.weights.tolist() == pytest.approx([0.3, -1])
    assert cleaned.record_times_ms.tolist() == [NOW_MS, NOW_MS]
    assert cleaned.rejected == Counter()


def test_a_second_event_with_the_same_id_is_a_duplicate() -> None:
    cleaned = clean(
        Cleaner(CleanSettings()), line(event_id="e"), line("u2", event_id="e"), line(event_id="f", ts=NOW_MS)
    )
    assert cleaned.batch.users == ["u1"]
    assert cleaned.rejected == {Reject.DUPLICATE: 2}
    assert cleaned.rejections == []


def test_events_without_id_are_duplicates_by_user_item_kind_and_time() -> None:
    cleaner = Cleaner(CleanSettings())
    others = [line("u2"), line(item="i2"), line(kind="purchase"), line(ts=NOW_MS - 1), line(event_id="")]
    assert kept(cleaner, line(), *others) == [0, 1, 2, 3, 4]
    assert kept(cleaner, line(), *others) == []


def test_duplicates_are_known_for_the_window_and_forgotten_after_twice_of_it() -> None:
    cleaner = Cleaner(settings(dedupe_window_events=10))
    stream = [line(f"u{number}") for number in range(11)]
    assert len(kept(cleaner, *stream)) == 11
    assert kept(cleaner, stream[1]) == []
    kept(cleaner, *[line(f"v{number}") for number in range(20)])
    assert kept(cleaner, stream[1]) == [0]


@pytest.mark.parametrize(
    ("limits", "ahead_ms", "good"),
    [
        ({"max_future_seconds": 300}, 300_000, True),
        ({"max_future_seconds": 300}, 300_001, False),
        ({"max_age_days": 10}, -10 * DAY_MS, True),
        ({"max_age_days": 10}, -10 * DAY_MS - 1, False),
        ({"max_future_seconds": 1}, -10 * DAY_MS, True),
        ({}, DAY_MS * 10_000, True),
        ({}, -NOW_MS, True),
    ],
)
def test_times_are_measured_against_the_record(limits: dict[str, float], ahead_ms: int, good: bool) -> None:
    assert bool(kept(Cleaner(settings(**limits)), line(ts=NOW_MS + ahead_ms))) == good


def test_an_impossible_time_is_reported_with_its_distance_and_its_line() -> None:
    cleaned = clean(Cleaner(CleanSettings()), line("a") + b"\n" + line("b", ts=NOW_MS + 3_600_000))
    (rejection,) = cleaned.rejections
    assert (rejection.reason, rejection.offset, rejection.value) == (
        Reject.BAD_TIME,
        0,
        line("b", ts=NOW_MS + 3_600_000),
    )
    assert "3600 s ahead" in rejection.detail
    assert cleaned.rejected == {Reject.BAD_TIME: 1}


def test_a_record_of_unknown_time_says_nothing_against_its_event() -> None:
    cleaned = clean(Cleaner(CleanSettings()), line(ts=5), times=[-1])
    assert len(cleaned.batch) == 1


def test_an_event_far_behind_the_newest_one_is_late_and_only_counted() -> None:
    cleaner = Cleaner(settings(max_lateness_seconds=60))
    clean(cleaner, line(ts=100_000))
    cleaned = clean(cleaner, line(ts=40_000), line(ts=39_999), line(ts=100_001), line(ts=40_000))
    assert cleaned.offsets.tolist() == [0, 2]
    assert cleaned.rejected == {Reject.LATE: 2}
    assert cleaned.rejections == []


def test_an_impossible_time_makes_no_other_event_late() -> None:
    cleaner = Cleaner(settings(max_future_seconds=300, max_lateness_seconds=60))
    assert kept(cleaner, line(ts=NOW_MS + DAY_MS), line()) == [1]


def test_a_user_with_too_many_events_in_a_minute_is_a_robot_for_the_rest_of_it() -> None:
    cleaner = Cleaner(settings(max_user_events_per_minute=3))
    minute = [line(ts=60_000 + second) for second in range(5)]
    assert kept(cleaner, *minute, line("u2", ts=60_000)) == [0, 1, 2, 5]
    assert kept(cleaner, line(ts=119_999), line(ts=120_000)) == [1]


def test_duplicates_do_not_make_a_robot() -> None:
    cleaner = Cleaner(CleanSettings(max_user_events_per_minute=2))
    assert kept(cleaner, line(), line(), line(), line(item="i2")) == [0, 3]


def test_what_decoding_rejected_is_reported_too() -> None:
    cleaned = clean(Cleaner(CleanSettings()), b"x", line(), line(), line(kind="scroll"))
    assert cleaned.rejected == {Reject.NOT_JSON: 1, Reject.UNKNOWN_KIND: 1, Reject.DUPLICATE: 1}
    assert [rejection.reason for rejection in cleaned.rejections] == [Reject.NOT_JSON, Reject.UNKNOWN_KIND]


def test_with_all_limits_off_everything_passes() -> None:
    assert kept(Cleaner(OFF), line(), line(), line(ts=0), line(ts=NOW_MS * 2)) == [0, 1, 2, 3]


def test_a_limit_that_was_switched_on_later_begins_empty() -> None:
    before, after = Cleaner(OFF), Cleaner(CleanSettings())
    clean(before, line())
    after.load_state(before.state())
    assert kept(after, line(), line()) == [0]


def test_a_state_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="newest_ms"):
        Cleaner(OFF).load_state({})


EVENTS = st.builds(
    line,
    user=st.sampled_from("abc"),
    item=st.sampled_from("xy"),
    kind=st.sampled_from(["view_item", "scroll"]),
    ts=st.integers(NOW_MS - 100_000, NOW_MS + 100_000).map(lambda time: time // 5000 * 5000),
    event_id=st.none() | st.sampled_from([f"e{number}" for number in range(9)]),
)
STREAMS = st.lists(st.lists(EVENTS, min_size=1, max_size=3).map(b"\n".join) | st.just(b"bad"), max_size=40)
TIGHT = CleanSettings(
    dedupe_window_events=4,
    max_future_seconds=60,
    max_age_days=0.001,
    max_lateness_seconds=70,
    max_user_events_per_minute=2,
)


def outcome(parts: list[Cleaned]) -> tuple[object, ...]:
    rows = [
        row
        for part in parts
        for row in zip(part.batch.users, part.batch.items, part.batch.times_ms, part.offsets, strict=True)
    ]
    rejections = sorted((each for part in parts for each in part.rejections), key=repr)
    return rows, rejections, sum((part.rejected for part in parts), Counter())


def same(left: dict[str, npt.NDArray[Any]], right: dict[str, npt.NDArray[Any]]) -> bool:
    return left.keys() == right.keys() and all(
        np.array_equal(left[name], right[name]) and left[name].dtype == right[name].dtype for name in left
    )


@given(STREAMS, st.lists(st.integers(1, 7), max_size=20), st.sets(st.integers(0, 20)))
def test_cuts_and_restarts_anywhere_change_neither_the_events_nor_the_state(
    values: list[bytes], cuts: list[int], restarts: set[int]
) -> None:
    stream = [MemoryRecord(offset, NOW_MS, None, value) for offset, value in enumerate(values)]
    whole = Cleaner(TIGHT)
    expected = outcome([whole.clean(DECODER.decode(0, stream))])
    cleaner, parts, start = Cleaner(TIGHT), [], 0
    for call, size in enumerate([*cuts, len(stream) + 1]):
        if call in restarts:
            state, cleaner = cleaner.state(), Cleaner(TIGHT)
            cleaner.load_state(state)
        parts.append(cleaner.clean(DECODER.decode(0, stream[start : start + size])))
        start += size
    assert outcome(parts) == expected
    assert same(cleaner.state(), whole.state())


@given(STREAMS)
def test_every_event_is_kept_or_counted(values: list[bytes]) -> None:
    cleaned = clean(Cleaner(TIGHT), *values)
    assert len(cleaned.batch) + cleaned.rejected.total() == sum(value.count(b"\n") + 1 for value in values)
