"""The sample's baskets filled side by side, as in a shop where many buy at once, and not one after another."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby

import numpy as np

from producers.columns import EventColumns


@dataclass(frozen=True, slots=True)
class Shoppers:
    """Events as so many shoppers make them who take turns, one event each; whoever is through leaves his place.

    Each basket (events of one user in a row) keeps its order, and baskets begin in the order of the stream. All events
    are held in memory.

    Attributes:
        events: may be iterated again if these are.
    """

    events: Iterable[EventColumns]
    at_once: int

    def __iter__(self) -> Iterator[EventColumns]:
        batches = list(self.events)
        users = list(chain.from_iterable(batch.user_ids for batch in batches))
        items = list(chain.from_iterable(batch.item_ids for batch in batches))
        kinds = list(chain.from_iterable(batch.kinds for batch in batches))
        order = taking_turns([len(list(basket)) for _, basket in groupby(users)], self.at_once)
        yield EventColumns(
            [users[place] for place in order],
            [items[place] for place in order],
            np.concatenate([batch.times_ms for batch in batches])[order],
            [kinds[place] for place in order],
            np.concatenate([batch.values for batch in batches])[order],
        )


def taking_turns(lengths: Sequence[int], at_once: int) -> list[int]:
    """The order in which the elements of rows, which lie end to end, come when so many rows take turns."""
    ends = np.cumsum(lengths).tolist()
    waiting = deque((end - length, end) for length, end in zip(lengths, ends, strict=True))
    active = deque(waiting.popleft() for _ in range(min(at_once, len(waiting))))
    order = []
    while active:
        place, end = active.popleft()
        order.append(place)
        if place + 1 < end:
            active.append((place + 1, end))
        elif waiting:
            active.append(waiting.popleft())
    return order
