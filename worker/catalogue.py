"""The catalogue: what the `items` topic says of each item, and what changed since last asked."""

import time
from collections.abc import Iterable, Sequence

import msgspec

from worker.events import Item, Reject, Rejection
from worker.formats.reader import UNREADABLE
from worker.ports import CatalogueSource
from worker.rules import GONE, Listing, ListRules
from worker.settings import ListSettings

PAUSE_SECONDS = 0.01


class Catalogue:
    """Items by id, as of the last `refresh`.

    Attributes:
        items: all items that are not gone.
        caught_up: whether all that stood in the topic at the start is known.
    """

    def __init__(self, source: CatalogueSource, rules: ListRules | None = None) -> None:
        """Without rules, an item may stand in lists if it is available."""
        self._source = source
        self._rules = rules or ListRules(ListSettings())
        self.caught_up = False
        self._decode = msgspec.json.Decoder(Item).decode
        self.items: dict[str, Item] = {}

    def refresh(self) -> tuple[dict[str, Listing], list[Rejection]]:
        """Reads what is new; returns, by id, what holds for the items that came, and what was unreadable."""
        listings: dict[str, Listing] = {}
        rejections: list[Rejection] = []
        for item_id, value in self._source.poll():
            try:
                listings[item_id] = self._apply(item_id, value)
            except UNREADABLE as error:
                key = item_id.encode()
                rejections.append(Rejection(Reject.INVALID, f"catalogue: {error}", -1, -1, key, value))
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
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            listings, rejections = self.refresh()
            if self.caught_up:
                return True
            if not listings and not rejections:
                time.sleep(PAUSE_SECONDS)
        return False

    def close(self) -> None:
        """Ends reading."""
        self._source.close()

    def title(self, item_id: str) -> str:
        """The item's title, or its id where none is known."""
        item = self.items.get(item_id)
        return item.title if item and item.title else item_id

    def category(self, item_id: str) -> str:
        """The item's category; "" where none is known."""
        item = self.items.get(item_id)
        return item.category if item else ""

    def known(self, item_ids: Iterable[str]) -> list[Item]:
        """Those of the items that are not gone."""
        return [self.items[item_id] for item_id in item_ids if item_id in self.items]

    def titles(self, item_ids: Sequence[str]) -> list[str]:
        """The titles of several items."""
        return [self.title(item_id) for item_id in item_ids]

    def _apply(self, item_id: str, value: bytes | None) -> Listing:
        if value is None:
            self.items.pop(item_id, None)
            return GONE
        item = self._decode(value)
        self.items[item_id] = item
        return self._rules.listing(item)
