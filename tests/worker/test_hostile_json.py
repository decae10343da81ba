"""JSON that is made to do harm, where records of the catalogue and manifests are read."""

import pytest

from worker.adapters.memory import MemoryCatalogue
from worker.catalogue import Catalogue
from worker.events import Reject
from worker.manifest import decode_manifest
from worker.ports import ManifestName

LEVELS = 100_000
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
    source = MemoryCatalogue()
    source.put("bad", value)
    source.put("i2", b'{"item_id":"i2","title":"Tea"}')
    catalogue = Catalogue(source)
    listings, rejections = catalogue.refresh()
    assert [rejection.reason for rejection in rejections] == [Reject.INVALID]
    assert set(listings) == {"i2"}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_manifest_counts_as_damaged(content: bytes) -> None:
    assert decode_manifest(ManifestName("w1", 1), content) is None
