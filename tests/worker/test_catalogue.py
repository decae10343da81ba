"""What the items topic says of each item."""

import json

from typing_extensions import override

from worker.adapters.memory import MemoryTable
from worker.catalogue import Catalogue
from worker.events import Reject
from worker.rules import GONE, Listing, ListRules
from worker.settings import EventSettings, ListSettings


def item(**fields: object) -> bytes:
    return json.dumps({"item_id": "i1", **fields}).encode()


class SlowCatalogue(MemoryTable):
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
    source = MemoryTable()
    catalogue = Catalogue(source)
    source.put("i1", item(title="Old"))
    source.put("i1", item(title="New", available=False))
    assert catalogue.refresh() == ({"i1": Listing(shown=False)}, [])
    assert catalogue.titles(["i1", "unknown"]) == ["New", "unknown"]
    assert catalogue.refresh() == ({}, [])


def test_an_item_without_a_value_is_gone() -> None:
    catalogue = Catalogue(MemoryTable({"i1": item(title="Tea")}))
    catalogue.refresh()
    gone = Catalogue(MemoryTable({"i1": None}))
    assert gone.refresh() == ({"i1": GONE}, [])
    assert gone.items == {}


def test_an_item_without_a_title_is_called_by_its_id() -> None:
    catalogue = Catalogue(MemoryTable({"i1": item()}))
    catalogue.refresh()
    assert catalogue.title("i1") == "i1"


def test_what_is_no_item_is_rejected_and_the_rest_is_read() -> None:
    source = MemoryTable({"bad": b"{", "worse": b'{"item_id": 7}', "i1": item(title="Tea")})
    listings, rejections = Catalogue(source).refresh()
    assert listings == {"i1": Listing(shown=True)}
    assert [(each.reason, each.key, each.value) for each in rejections] == [
        (Reject.INVALID, b"bad", b"{"),
        (Reject.INVALID, b"worse", b'{"item_id": 7}'),
    ]
    assert all(each.detail.startswith("catalogue: ") for each in rejections)


def test_a_record_or_an_id_over_the_limits_is_rejected_and_of_the_largest_size_taken() -> None:
    limits = EventSettings(max_record_bytes=100, max_id_characters=9)
    sizes = {"fits": item(text="x" * 71), "large": item(text="x" * 72)}
    ids = {"i" * 9: item(item_id="j" * 9), "i" * 10: item(), "long": item(item_id="j" * 10), "none": item(item_id="")}
    assert len(sizes["fits"]) == 100
    control = {"control": item(item_id="a\x7f")}
    listings, rejections = Catalogue(MemoryTable({**sizes, **ids, **control}), limits=limits).refresh()
    assert set(listings) == {"fits", "i" * 9}
    assert [(each.key, each.reason) for each in rejections] == [
        (b"large", Reject.TOO_LARGE),
        (b"i" * 10, Reject.BAD_ID),
        (b"long", Reject.BAD_ID),
        (b"none", Reject.BAD_ID),
        (b"control", Reject.BAD_ID),
    ]


def test_reading_all_goes_on_until_it_has_caught_up() -> None:
    catalogue = Catalogue(SlowCatalogue([(f"i{number}", item(title="x")) for number in range(5)]))
    assert catalogue.read_all(timeout_seconds=10)
    assert len(catalogue.items) == 5


def test_reading_all_gives_up_in_time() -> None:
    assert not Catalogue(SlowCatalogue([], ends=False)).read_all(timeout_seconds=0.05)


def test_rules_decide_what_is_shown_and_the_category_is_told() -> None:
    source = MemoryTable({"i1": item(category="toys", price=3), "i2": item(category="tools", price=3)})
    listings, _ = Catalogue(source, ListRules(ListSettings(blocked_categories=("tools",)))).refresh()
    assert listings == {"i1": Listing(shown=True, category="toys"), "i2": Listing(shown=False, category="tools")}


def test_lists_wait_for_the_catalogue_only_where_the_rules_need_it() -> None:
    assert Catalogue(SlowCatalogue([], ends=False)).may_rank()
    rules = ListRules(ListSettings(max_price=5))
    catalogue = Catalogue(SlowCatalogue([("i1", item(price=1)), ("i2", item(price=9))]), rules)
    told = [catalogue.may_rank()]
    for _ in range(2):
        catalogue.refresh()
        told.append(catalogue.may_rank())
    assert told == [False, False, True]
