from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from producers.catalogue import read_items
from worker.errors import ConfigurationError
from worker.events import Item


def test_items_are_read_from_parquet_with_defaults_for_empty_cells(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    rows: list[dict[str, Any]] = [
        {"item_id": 1, "title": "Lamp", "tags": ["red", "tin"], "price": 2.5, "colour": "red"},
        {"item_id": 2, "title": None, "tags": None, "price": None, "colour": None},
    ]
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), path)
    assert list(read_items(path)) == [Item("1", "Lamp", tags=("red", "tin"), price=2.5), Item("2")]


def test_items_are_read_from_csv_and_jsonl(tmp_path: Path) -> None:
    csv, jsonl = tmp_path / "items.csv", tmp_path / "items.jsonl"
    csv.write_text("item_id,title,price,available\n7,Lamp,2.5,false\n")
    jsonl.write_text('{"item_id":"7","title":"Lamp","price":2.5,"available":false}\n')
    assert list(read_items(csv)) == list(read_items(jsonl)) == [Item("7", "Lamp", price=2.5, available=False)]


def test_lists_are_read_from_jsonl(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    path.write_text('{"item_id":"7","tags":["red","tin"],"embedding":[1,0.5]}\n{"item_id":"8","tags":[]}\n')
    assert list(read_items(path)) == [Item("7", tags=("red", "tin"), embedding=(1.0, 0.5)), Item("8")]


def test_a_catalogue_needs_ids(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("sku,title\n7,Lamp\n")
    with pytest.raises(ConfigurationError, match="it has sku, title"):
        read_items(path)


def test_a_value_that_does_not_fit_its_field_is_named(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("item_id,price\n7,cheap\n")
    with pytest.raises(ConfigurationError, match=r"price"):
        list(read_items(path))
