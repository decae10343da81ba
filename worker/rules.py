"""Rules for lists: which of the catalogue's items may stand in them, by availability, category and price."""

from typing import NamedTuple

from worker.events import Item
from worker.settings import ListSettings


class Listing(NamedTuple):
    """What the catalogue says of an item, as far as lists ask.

    Attributes:
        shown: whether it may stand in lists.
        category: "" = none is known.
    """

    shown: bool
    category: str = ""


GONE = Listing(shown=False)


class ListRules:
    """The rules that the settings make.

    Attributes:
        unlisted_shown: whether an item of which the catalogue says nothing may stand in lists: not where the rules
            ask for a category or a price.
    """

    def __init__(self, settings: ListSettings) -> None:
        self._allowed = frozenset(settings.allowed_categories)
        self._blocked = frozenset(settings.blocked_categories)
        self._min_price, self._max_price = settings.min_price, settings.max_price
        self._asks_for_price = self._min_price is not None or self._max_price is not None
        self.unlisted_shown = not (self._allowed or self._asks_for_price)

    @property
    def need_catalogue(self) -> bool:
        """Whether lists that are made before the catalogue is known may break a rule."""
        return bool(self._blocked) or not self.unlisted_shown

    def listing(self, item: Item) -> Listing:
        """The item's category, and whether the rules let it into lists."""
        return Listing(item.available and self._fits_category(item) and self._fits_price(item), item.category)

    def _fits_category(self, item: Item) -> bool:
        return item.category not in self._blocked and (not self._allowed or item.category in self._allowed)

    def _fits_price(self, item: Item) -> bool:
        if item.price is None:
            return not self._asks_for_price
        above = self._min_price is None or item.price >= self._min_price
        return above and (self._max_price is None or item.price <= self._max_price)
