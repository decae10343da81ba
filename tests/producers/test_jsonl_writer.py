from pathlib import Path

import pytest

from producers.jsonl_writer import JsonlWriter
from producers.readers import read_events
from tests.support.events import columns
from worker.errors import ConfigurationError


def test_a_written_file_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with JsonlWriter(path) as writer:
        writer.write(columns(["a", "b"], ["1", "2"], [10**12, 10**12 + 5]))
        writer.write(columns(["c"], ["3"], [10**12 + 9]))
        writer.flush()
    read = list(read_events(path))
    assert [user for batch in read for user in batch.user_ids] == ["a", "b", "c"]
    assert [int(time) for batch in read for time in batch.times_ms] == [10**12, 10**12 + 5, 10**12 + 9]
    assert path.read_text().splitlines()[0] == '{"user_id":"a","item_id":"1","event":"view_item","ts":1000000000000}'


def test_a_file_that_was_not_completed_does_not_appear(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with JsonlWriter(path) as writer:
        writer.write(columns(["a"]))
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_not_writable_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file or directory"):
        JsonlWriter(tmp_path / "nowhere" / "events.jsonl")
