"""JSON that is made to do harm, where records of the catalogue, manifests and published lists are read."""

from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from worker.adapters.memory import MemoryTable
from worker.adapters.redis_lists import RedisLists
from worker.catalogue import Catalogue
from worker.errors import StateError
from worker.events import LAST_POSITION, Reject, position_text
from worker.manifest import FORMAT, Manifest, PartitionEntry, decode_manifest
from worker.ports import ManifestName
from worker.settings import ListSettings, RedisSettings

LEVELS = 90_000
HOSTILE = {
    "nested arrays": b"[" * LEVELS + b"]" * LEVELS,
    "nested objects": b'{"a":' * LEVELS + b"1" + b"}" * LEVELS,
    "nested where a field is not read": b'{"item_id":"i1","format":5,"more":' + b"[" * LEVELS + b"]" * LEVELS + b"}",
    "not closed": b'{"item_id":' * LEVELS,
    "no UTF-8": b'{"item_id":"\xff","format":5,"knowledge":"\xff"}',
    "half a character": b'{"item_id":"\\ud800","format":5,"knowledge":"\\ud800"}',
    "a number of 5000 digits": b'{"item_id":' + b"9" * 5000 + b',"format":' + b"9" * 5000 + b"}",
    "no number": b'{"item_id":NaN,"format":Infinity}',
    "nothing": b"",
}


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_record_of_the_catalogue_is_rejected_and_the_next_one_is_taken(value: bytes) -> None:
    source = MemoryTable()
    source.put("bad", value)
    source.put("i2", b'{"item_id":"i2","title":"Tea"}')
    catalogue = Catalogue(source)
    listings, rejections = catalogue.refresh()
    assert [rejection.reason for rejection in rejections] == [Reject.INVALID]
    assert set(listings) == {"i2"}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_manifest_counts_as_damaged(content: bytes) -> None:
    assert decode_manifest(ManifestName("w1", 1), content) is None


def manifest_of(number: int, epoch: int, next_offset: int) -> bytes:
    entry = PartitionEntry(epoch, next_offset, "")
    return msgspec.json.encode(Manifest(FORMAT, "", {number: entry}, {}, 1))


@pytest.mark.parametrize("place", [0, 1, 2], ids=["partition", "epoch", "offset"])
def test_a_manifest_counts_as_damaged_from_the_first_number_that_cannot_be(place: int) -> None:
    for number in (-1, -(2**63), (2**31, 99_999_999, 10**15)[place], 2**63, 10**30):
        numbers = [1, 1, 1]
        numbers[place] = number
        text = manifest_of(1, 1, 1).decode()
        parts = (f'"{numbers[0]}":{{', f'"epoch":{numbers[1]}', f'"next_offset":{numbers[2]}')
        for old, new in zip(('"1":{', '"epoch":1', '"next_offset":1'), parts, strict=True):
            text = text.replace(old, new)
        assert decode_manifest(ManifestName("w1", 1), text.encode()) is None
    last = decode_manifest(ManifestName("w1", 1), manifest_of(2**31 - 1, 99_999_998, 10**15 - 1))
    assert last
    epoch, offset = last.partitions[2**31 - 1].epoch, last.partitions[2**31 - 1].next_offset
    assert position_text(epoch + 1, offset) <= LAST_POSITION, "positions still compare as text"


LISTS = {
    **HOSTILE,
    "of different lengths": b'{"position":"1","items":["a"],"scores":[],"reasons":[],"model":"m","generated_at":1}',
}


@pytest.mark.parametrize("content", LISTS.values(), ids=LISTS)
def test_what_stands_in_redis_and_is_no_list_is_named(content: bytes) -> None:
    lists = RedisLists(RedisSettings.model_validate({"url": "redis://127.0.0.1:1/0"}), ListSettings())
    cast("Any", lists)._client = SimpleNamespace(get=lambda _: content)
    for read in (partial(lists.read, "u1"), lists.read_popular):
        with pytest.raises(StateError, match=r"recs:v1.* in Redis holds no list") as refused:
            read()
        assert "delete the key" in refused.value.remedy
