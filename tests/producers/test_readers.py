import gzip
import json
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from producers.columns import EventColumns
from producers.files import BATCH_ROWS, CsvShape
from producers.readers import ColumnNames, count_events, read_events
from worker.errors import ConfigurationError

ROW = {"user_id": "u1", "item_id": "10002", "timestamp": 1_300_000_000_000, "event": "view_item", "value": 2.5}
# Characters that a CSV cell can hold without quotes around it; other cells are quoted by the writer.
IDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters='"'), min_size=1)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "user_id": IDS,
            "item_id": IDS,
            "timestamp": st.integers(10**11, 10**13),
            "event": st.sampled_from(["view_item", "purchase"]),
            "value": st.none() | st.floats(-1e6, 1e6),
        }
    ),
    min_size=1,
    max_size=20,
)


def write(folder: Path, kind: str, rows: list[dict[str, Any]]) -> Path:
    """A file of these rows in that format."""
    path = folder / f"events.{kind}"
    table = pa.Table.from_pylist(rows)
    match kind:
        case "parquet":
            pyarrow.parquet.write_table(table, path)
        case "csv":
            pyarrow.csv.write_csv(table, path)
        case _:
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def all_events(batches: Any) -> EventColumns:
    """The batches as one."""
    parts = list(batches)
    return EventColumns(
        list(chain.from_iterable(part.user_ids for part in parts)),
        list(chain.from_iterable(part.item_ids for part in parts)),
        np.concatenate([part.times_ms for part in parts]),
        list(chain.from_iterable(part.kinds for part in parts)),
        np.concatenate([part.values for part in parts]),
    )


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(rows=ROWS)
def test_what_is_written_is_read(tmp_path: Path, kind: str, rows: list[dict[str, Any]]) -> None:
    read = all_events(read_events(write(tmp_path, kind, rows)))
    assert read.user_ids == [row["user_id"] for row in rows]
    assert read.item_ids == [row["item_id"] for row in rows]
    assert read.times_ms.tolist() == [row["timestamp"] for row in rows]
    assert read.kinds == [row["event"] for row in rows]
    wanted = [np.nan if row["value"] is None else row["value"] for row in rows]
    np.testing.assert_allclose(read.values, wanted, rtol=1e-9)


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_a_long_file_comes_in_batches_in_order(tmp_path: Path, kind: str) -> None:
    count = 2 * BATCH_ROWS + 7
    path = write(tmp_path, kind, [{**ROW, "item_id": str(number)} for number in range(count)])
    batches = list(read_events(path))
    assert len(batches) > 2
    assert max(map(len, batches)) <= BATCH_ROWS
    assert all_events(batches).item_ids == [str(number) for number in range(count)]
    assert count_events(path) == count


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_ids_that_are_numbers_are_read_as_text(tmp_path: Path, kind: str) -> None:
    read = all_events(read_events(write(tmp_path, kind, [{**ROW, "user_id": 17, "item_id": 9}])))
    assert (read.user_ids, read.item_ids) == (["17"], ["9"])


def test_ids_that_look_like_dates_or_numbers_are_read_as_they_stand(tmp_path: Path) -> None:
    rows = [{**ROW, "user_id": "2011-04-11 10:00:00", "item_id": "0042"}]
    for kind in ("csv", "jsonl"):
        read = all_events(read_events(write(tmp_path, kind, rows)))
        assert (read.user_ids, read.item_ids) == (["2011-04-11 10:00:00"], ["0042"])


def test_columns_may_have_other_names(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text("who,what,when\na,x,2020-01-01T00:00:00Z\n")
    names = ColumnNames(user="who", item="what", time="when")
    read = all_events(read_events(path, names, kind="like"))
    assert (read.user_ids, read.item_ids, read.kinds) == (["a"], ["x"], ["like"])
    assert read.times_ms.tolist() == [1_577_836_800_000]
    assert np.isnan(read.values).all()


def test_the_wire_format_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"user_id":"a","item_id":"x","event":"like","ts":1577836800000,"context":{"a":1}}\n')
    assert all_events(read_events(path)).times_ms.tolist() == [1_577_836_800_000]


def test_a_compressed_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(ROW).encode() + b"\n"))
    assert all_events(read_events(path)).user_ids == ["u1"]
    assert count_events(path) is None


def test_a_csv_file_without_a_header_is_read_by_its_shape(tmp_path: Path) -> None:
    path = tmp_path / "ratings.txt"
    path.write_text("a\tx\t5\na\ty\t6\n")
    shape = CsvShape("\t", ("user_id", "item_id", "timestamp"))
    assert all_events(read_events(path, kind="rate", csv=shape)).item_ids == ["x", "y"]
    assert count_events(path, shape) == 2


def test_rows_without_what_they_need_are_left_out_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("user_id,item_id,timestamp,event\na,x,5,like\n,y,6,like\nc,z,,like\nd,w,8,\n")
    skipped: list[int] = []
    read = all_events(read_events(path, on_skipped=skipped.append))
    assert read.user_ids == ["a"]
    assert skipped == [3]


def test_events_without_a_kind_get_the_given_one(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("user_id,item_id,timestamp,event\na,x,5,like\nb,y,6,\n")
    assert all_events(read_events(path, kind="view_item")).kinds == ["like", "view_item"]


def test_events_can_be_put_into_the_order_of_time(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("user_id,item_id,timestamp,event\na,x,900,like\nb,y,1000,like\nc,z,900,like\nd,w,50,like\n")
    read = all_events(read_events(path, by_time=True))
    assert read.user_ids == ["d", "a", "c", "b"]
    assert read.times_ms.tolist() == [50_000, 900_000, 900_000, 1_000_000]


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    path = write(tmp_path, "csv", [{"visitor": "a", "item_id": "x", "timestamp": 5, "event": "like"}])
    with pytest.raises(ConfigurationError, match=r"'user_id' for user; it has visitor, item_id") as caught:
        read_events(path)
    assert "--user-column" in caught.value.remedy
    with pytest.raises(ConfigurationError, match="'price'"):
        read_events(path, ColumnNames(user="visitor", value="price"))


def test_a_file_without_kinds_needs_one_by_option(tmp_path: Path) -> None:
    rows = [{name: value for name, value in ROW.items() if name != "event"}]
    with pytest.raises(ConfigurationError) as caught:
        read_events(write(tmp_path, "jsonl", rows))
    assert "--event" in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        ("a.parquet", b"not parquet", "cannot read"),
        ("a.csv", b"", "Empty CSV"),
        ("a.csv", b"user_id,item_id,timestamp,event\na,x,soon,like\n", "cannot read"),
        ("a.csv", b"user_id,item_id,timestamp,event\na\n", "Expected 4 columns"),
        ("a.jsonl", b"{broken\n", "cannot read"),
        ("a.xlsx", b"", "unknown kind"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes, cause: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=cause) as caught:
        list(read_events(path))
    assert name in str(caught.value)
    assert caught.value.remedy


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no file .*nothing\.csv"):
        read_events(tmp_path / "nothing.csv")
