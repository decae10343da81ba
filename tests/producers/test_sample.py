from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from producers.catalogue import read_items
from producers.readers import read_events
from producers.sample import make_sample, sample_events_path, sample_items_path


def test_the_shipped_sample_holds_purchases_in_the_order_of_time_and_their_items() -> None:
    count, last, items = 0, 0, set[str]()
    for batch in read_events(sample_events_path()):
        count += len(batch)
        assert last <= batch.times_ms[0]
        assert (batch.times_ms[1:] >= batch.times_ms[:-1]).all()
        assert set(batch.kinds) == {"purchase"}
        last = batch.times_ms[-1]
        items.update(batch.item_ids)
    assert count == 150_000
    assert {item.item_id for item in read_items(sample_items_path())} == items


def test_the_shipped_sample_is_small_and_credited() -> None:
    files = (sample_events_path(), sample_items_path())
    assert sum(file.stat().st_size for file in files) < 1_200_000
    said = (sample_events_path().parent / "CREDITS.md").read_text("utf-8")
    assert all(words in said for words in ("UCI", "Daqing Chen", "CC BY 4.0", *(file.name for file in files)))


def test_a_sample_is_the_first_purchases_and_the_items_that_occur(tmp_path: Path) -> None:
    kinds = ["purchase", "return", "purchase", "purchase"]
    events = {
        "user_id": ["a", "a", "b", "c"], "item_id": ["1", "1", "2", "3"], "timestamp": [1, 2, 3, 4],
        "event": kinds, "value": [1.0, -1.0, 2.0, 3.0], "country": ["UK"] * 4,
    }  # fmt: skip
    items = {"item_id": ["1", "2", "3"], "title": ["x", "y", "z"], "median_price": [0.5, 1.5, 2.5]}
    pyarrow.parquet.write_table(pa.table(events), tmp_path / "events.parquet")
    pyarrow.parquet.write_table(pa.table(items), tmp_path / "items.parquet")
    make_sample(tmp_path / "events.parquet", tmp_path / "items.parquet", tmp_path, purchases=2)
    sample = list(read_events(tmp_path / sample_events_path().name))
    assert [batch.item_ids for batch in sample] == [["1", "2"]]
    assert [(i.item_id, i.title, i.price) for i in read_items(tmp_path / sample_items_path().name)] == [
        ("1", "x", 0.5), ("2", "y", 1.5),
    ]  # fmt: skip
