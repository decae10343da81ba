"""What the catalogue says of items, on its way into the models: some at a time, within a share of the loop's time."""

from collections.abc import Iterable
from itertools import islice

import structlog

from models.descriptions import Description
from models.recommender import Recommender
from worker.events import Item
from worker.ports import Clock

ITEMS_AT_ONCE = 128
SHARE = 0.25

log = structlog.get_logger(__name__)


def description_of(item: Item) -> Description:
    """What tells what the item is like."""
    return Description(item.item_id, item.title, item.author, item.category, item.tags, item.text, item.embedding)


class Describing:
    """Keeps items until there is time for them; the newest description of an item counts."""

    def __init__(self, recommender: Recommender, clock: Clock) -> None:
        self._recommender = recommender
        self._clock = clock
        self._waiting: dict[str, Item] = {}
        self._free_at_seconds = 0.0
        self._warned = False

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, items: Iterable[Item]) -> None:
        """Items are to be described; those that may not be had do not take a row for it."""
        if self._recommender.describes:
            for item in items:
                if item.available:
                    self._check_width(item)
                    self._waiting[item.item_id] = item

    def _check_width(self, item: Item) -> None:
        """Says once that embeddings are passed over."""
        width = self._recommender.options.embedding_width
        if width and item.embedding and len(item.embedding) != width and not self._warned:
            self._warned = True
            log.warning(
                "an item's embedding is passed over: it has another width than experts.embedding_width",
                numbers=len(item.embedding),
                wanted=width,
            )
            log.debug("the first of such a width", item=item.item_id)  # ids are for those who ask for them

    def some(self) -> None:
        """Describes some; then none until three times as long has passed."""
        began = self._clock.monotonic()
        if not self._waiting or began < self._free_at_seconds:
            return
        first = list(islice(self._waiting, ITEMS_AT_ONCE))
        self._recommender.describe_items([description_of(self._waiting.pop(each)) for each in first])
        ended = self._clock.monotonic()
        self._free_at_seconds = ended + (ended - began) * (1 - SHARE) / SHARE
