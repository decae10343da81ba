"""The catalogue: what the `items` topic says of each item, and what changed since last asked."""

from collections.abc import Iterable, Sequence

import msgspec

from worker.compacted import read_whole
from worker.event_faults import id_faults
from worker.events import Item, Reject, Rejection
from worker.formats.reader import UNREADABLE
from worker.ports import CompactedTopic
from worker.rules import GONE, Listing, ListRules
from worker.settings import EventSettings, ListSettings


class Catalogue:
    """Items by id, as of the last `refresh`.

    Attributes:
        items: all items that are not gone.
        caught_up: whether all that stood in the topic at the start is known.
    """

    def __init__(
        self, source: CompactedTopic, rules: ListRules | None = None, limits: EventSettings | None = None
    ) -> None:
        """Without rules, an item may stand in lists if it is available. Records and ids are limited as events are."""
        self._source = source
        self._limits = limits or EventSettings()
        self._rules = rules or ListRules(ListSettings())
        self.caught_up = False
        self._decode = msgspec.json.Decoder(Item).decode
        self.items: dict[str, Item] = {}
        self._gone: set[str] = set()
        self._by_category: dict[str, set[str]] = {}
        self._changed: set[str] = set()

    def refresh(self) -> tuple[dict[str, Listing], list[Rejection]]:
        """Reads what is new; returns, by id, what holds for the items that came, and what was unreadable."""
        listings: dict[str, Listing] = {}
        rejections: list[Rejection] = []
        for item_id, value in self._source.poll():
            found = self._read(item_id, value)
            if isinstance(found, Item | None):
                listings[item_id] = self._apply(item_id, found)
            else:
                reason, detail = found
                rejections.append(Rejection(reason, f"catalogue: {detail}", -1, -1, item_id.encode(), value))
        self.caught_up = self.caught_up or self._source.caught_up()
        return listings, rejections

    def change_rules(self, rules: ListRules) -> dict[str, Listing]:
        """From now on by other rules; returns, by id, what holds for all items that are not gone."""
        self._rules = rules
        return {item_id: rules.listing(item) for item_id, item in self.items.items()}

    def may_rank(self) -> bool:
        """Whether lists can keep the rules: where these need the catalogue, once all that stood in it was read."""
        return self.caught_up or not self._rules.need_catalogue

    def read_all(self, timeout_seconds: float) -> bool:
        """Reads until all that stood in the topic is known; False = that took too long."""
        return read_whole(lambda: any(self.refresh()), lambda: self.caught_up, timeout_seconds)

    def close(self) -> None:
        """Ends reading."""
        self._source.close()

    def may_show(self, item_id: str) -> bool:
        """Whether it may stand in lists, as far as the catalogue says; of others those who made the lists decided."""
        item = self.items.get(item_id)
        return self._rules.listing(item).shown if item else item_id not in self._gone

    def title(self, item_id: str) -> str:
        """The item's title, or its id where none is known."""
        item = self.items.get(item_id)
        return item.title if item and item.title else item_id

    def category(self, item_id: str) -> str:
        """The item's category; "" where none is known."""
        item = self.items.get(item_id)
        return item.category if item else ""

    def items_of(self, category: str) -> list[str]:
        """The items of a category."""
        return list(self._by_category.get(category, ()))

    def take_changed_categories(self) -> set[str]:
        """Categories that items came into or left since the last call."""
        changed, self._changed = self._changed, set()
        return changed

    def known(self, item_ids: Iterable[str]) -> list[Item]:
        """Those of the items that are not gone."""
        return [self.items[item_id] for item_id in item_ids if item_id in self.items]

    def titles(self, item_ids: Sequence[str]) -> list[str]:
        """The titles of several items."""
        return [self.title(item_id) for item_id in item_ids]

    def _read(self, item_id: str, value: bytes | None) -> Item | tuple[Reject, str] | None:
        """The item, None = it is gone; or why the record is not taken."""
        if value is None:
            return None
        if len(value) > self._limits.max_record_bytes:
            return Reject.TOO_LARGE, f"{len(value)} bytes; the limit is {self._limits.max_record_bytes}"
        try:
            item = self._decode(value)
        except UNREADABLE as error:
            return Reject.INVALID, str(error)
        for name, identifier in (("the key", item_id), ("item_id", item.item_id)):
            for fault in id_faults(name, identifier, self._limits.max_id_characters):
                return Reject.BAD_ID, fault
        return item

    def _apply(self, item_id: str, item: Item | None) -> Listing:
        self._move(item_id, self.category(item_id), item.category if item else "")
        if item is None:
            self.items.pop(item_id, None)
            self._gone.add(item_id)
            return GONE
        self._gone.discard(item_id)
        self.items[item_id] = item
        return self._rules.listing(item)

    def _move(self, item_id: str, before: str, after: str) -> None:
        """From one category to another; "" = none."""
        if before != after:
            self._by_category.get(before, set()).discard(item_id)
            if after:
                self._by_category.setdefault(after, set()).add(item_id)
            self._changed |= {before, after} - {""}
