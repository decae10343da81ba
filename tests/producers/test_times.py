from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.times import milliseconds

MOMENT = datetime(2011, 4, 11, 17, 12, 3, 250_000, tzinfo=UTC)
MOMENT_MS = 1_302_541_923_250


@pytest.mark.parametrize(
    "column",
    [
        pa.array([MOMENT_MS]),
        pa.array([MOMENT_MS / 1000]),
        pa.array([MOMENT_MS * 1000]),
        pa.array([MOMENT_MS * 1_000_000]),
        pa.array([str(MOMENT_MS)]),
        pa.array([f" {MOMENT_MS / 1000} "]),
        pa.array([float(MOMENT_MS)]),
        pa.array(["2011-04-11T17:12:03.250Z"]),
        pa.array(["2011-04-11T19:12:03.250+02:00"]),
        pa.array(["2011-04-11 17:12:03.250"]),
        pa.array(["2011-04-11T17:12:03.250"], pa.large_string()),
        pa.array([MOMENT.replace(tzinfo=None)], pa.timestamp("us")),
        pa.array([MOMENT], pa.timestamp("ns", "UTC")),
        pa.array([MOMENT], pa.timestamp("ms", "America/New_York")),
    ],
    ids=lambda column: f"{column.type} {column[0]}",
)
def test_one_moment_is_recognised_however_it_is_written(column: "pa.Array[Any]") -> None:
    assert milliseconds(column).tolist() == [MOMENT_MS]


def test_seconds_and_days_are_recognised() -> None:
    assert milliseconds(pa.array([978_300_760])).tolist() == [978_300_760_000]
    assert milliseconds(pa.array(["2000-12-31"])).tolist() == [978_220_800_000]
    assert milliseconds(pa.array([date(2000, 12, 31)])).tolist() == [978_220_800_000]


@pytest.mark.parametrize("text", ["yesterday", "12/1/2010 8:26"])
def test_text_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(pa.ArrowInvalid):
        milliseconds(pa.array([text]))


def test_a_column_of_another_type_is_refused() -> None:
    with pytest.raises(ValueError, match="bool"):
        milliseconds(pa.array([True]))


@given(st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001
def test_iso_text_and_numbers_agree_to_the_millisecond(moment: datetime) -> None:
    moment = moment.replace(tzinfo=UTC, microsecond=moment.microsecond // 1000 * 1000)
    in_ms = round(moment.timestamp() * 1000)
    assert milliseconds(pa.array([moment.isoformat()])).tolist() == [in_ms]
    assert milliseconds(pa.array([in_ms])).tolist() == [in_ms]
    assert milliseconds(pa.array([in_ms / 1000])).tolist() == [in_ms]
