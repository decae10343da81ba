"""What the items topic says of each item."""

import json

from typing_extensions import override

from worker.adapters.memory import MemoryCatalogue
from worker.catalogue import Catalogue
from worker.events import Reject


def item(**fields: object) -> bytes:
    return json.dumps({"item_id": "i1", **fields}).encode()


class SlowCatalogue(MemoryCatalogue):
    """Gives one record a poll, and catches up after the last; then it waits for ever."""

    def __init__(self, records: list[tuple[str, bytes | None]], *, ends: bool = True) -> None:
        super().__init__()
        self._left = records
        self._ends = ends

    @override
    def poll(self) -> list[tuple[str, bytes | None]]:
        return [self._left.pop(0)] if self._left else []

    @override
    def caught_up(self) -> bool:
        return self._ends and not self._left


def test_a_later_record_of_an_item_replaces_the_earlier_one() -> None:
    source = MemoryCatalogue()
    catalogue = Catalogue(source)
    source.put("i1", item(title="Old"))
    source.put("i1", item(title="New", available=False))
    assert catalogue.refresh() == ({"i1": False}, [])
    assert catalogue.titles(["i1", "unknown"]) == ["New", "unknown"]
    assert catalogue.refresh() == ({}, [])


def test_an_item_without_a_value_is_gone() -> None:
    catalogue = Catalogue(MemoryCatalogue({"i1": item(title="Tea")}))
    catalogue.refresh()
    gone = Catalogue(MemoryCatalogue({"i1": None}))
    assert gone.refresh() == ({"i1": False}, [])
    assert gone.items == {}


def test_an_item_without_a_title_is_called_by_its_id() -> None:
    catalogue = Catalogue(MemoryCatalogue({"i1": item()}))
    catalogue.refresh()
    assert catalogue.title("i1") == "i1"


def test_what_is_no_item_is_rejected_and_the_rest_is_read() -> None:
    source = MemoryCatalogue({"bad": b"{", "worse": b'{"item_id": 7}', "i1": item(title="Tea")})
    available, rejections = Catalogue(source).refresh()
    assert available == {"i1": True}
    assert [(each.reason, each.key, each.value) for each in rejections] == [
        (Reject.INVALID, b"bad", b"{"),
        (Reject.INVALID, b"worse", b'{"item_id": 7}'),
    ]
    assert all(each.detail.startswith("catalogue: ") for each in rejections)


def test_reading_all_goes_on_until_it_has_caught_up() -> None:
    catalogue = Catalogue(SlowCatalogue([(f"i{number}", item(title="x")) for number in range(5)]))
    assert catalogue.read_all(timeout_seconds=10)
    assert len(catalogue.items) == 5


def test_reading_all_gives_up_in_time() -> None:
    assert not Catalogue(SlowCatalogue([], ends=False)).read_all(timeout_seconds=0.05)
