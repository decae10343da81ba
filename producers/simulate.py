"""A simulated shop: users with drifting tastes, sessions, repeat purchases, moving trends, new items.

Everything is drawn in blocks of sessions with numpy, so that the same seed gives the same events however many
of them are taken.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from producers.columns import EventColumns, Times
from producers.simulated_shop import Shop
from worker.errors import ConfigurationError
from worker.events import Item

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

START_MS = 1_704_067_200_000  # 2024-01-01, UTC
DAY_SECONDS = 86_400.0
SESSIONS_PER_USER_AND_DAY = 1.0
BLOCK_SESSIONS = 4096
MAX_STEPS = 16
GO_ON = 0.82  # chance that a session has a further event: 4.6 events on average
SECONDS_BETWEEN_EVENTS = 25.0
CART_AFTER_VIEW, BUY_AFTER_CART = 0.15, 0.5
FOLLOW_NEIGHBOUR = 0.4  # next item of a session lies beside the last one, not anywhere in the category
RESTOCK = 0.25  # session that begins with something bought before
KINDS = ("view_item", "add_to_cart", "purchase")
VIEW, CART, PURCHASE = range(3)


@dataclass(frozen=True, slots=True)
class Simulation:
    """A shop of so many users and items; iterating gives its events, from the start, without end.

    Raises ConfigurationError when there are no users or items.
    """

    users: int
    items: int
    seed: int = 0

    def __post_init__(self) -> None:
        if self.users < 1 or self.items < 1:
            raise ConfigurationError("a simulation without users or items", "give --users and --items above 0")

    def catalogue(self) -> list[Item]:
        """All items, also those that appear later."""
        return Shop(self.users, self.items, self.seed).catalogue()

    def __iter__(self) -> Iterator[EventColumns]:
        shop = Shop(self.users, self.items, self.seed)
        user_ids, item_ids = shop.user_ids(), shop.item_ids()
        for block in _blocks(shop):
            yield EventColumns(
                [user_ids[user] for user in block.users.tolist()],
                [item_ids[item] for item in block.items.tolist()],
                block.times_ms,
                [KINDS[kind] for kind in block.kinds.tolist()],
                np.full(len(block.users), np.nan),
            )


def simulate_columns(
    events: int, users: int, items: int, seed: int = 0
) -> tuple[list[str], list[str], Times, list[str]]:
    """The first events of a simulation: user ids, item ids, times (ms, ascending) and kinds, `events` of each."""
    user_ids: list[str] = []
    item_ids: list[str] = []
    kinds: list[str] = []
    times: list[Times] = [np.empty(0, dtype=np.int64)]
    for block in Simulation(users, items, seed):
        some = block.part(0, events - len(user_ids))
        user_ids += some.user_ids
        item_ids += some.item_ids
        kinds += some.kinds
        times.append(some.times_ms)
        if len(user_ids) == events:
            break
    return user_ids, item_ids, np.concatenate(times), kinds


@dataclass(frozen=True, slots=True)
class _Block:
    """Events as numbers, in columns of equal length."""

    users: Ints
    items: Ints
    kinds: Ints
    times_ms: Times

    def where(self, chosen: Bools | Ints) -> "_Block":
        return _Block(self.users[chosen], self.items[chosen], self.kinds[chosen], self.times_ms[chosen])

    def followed_by(self, other: "_Block") -> "_Block":
        return _Block(
            np.concatenate((self.users, other.users)),
            np.concatenate((self.items, other.items)),
            np.concatenate((self.kinds, other.kinds)),
            np.concatenate((self.times_ms, other.times_ms)),
        )


def _blocks(shop: Shop) -> Iterator[_Block]:
    """Blocks in the order of time; events of sessions that outlast a block wait for the next one."""
    seconds = BLOCK_SESSIONS * DAY_SECONDS / (SESSIONS_PER_USER_AND_DAY * shop.users)
    none = np.empty(0, dtype=np.int64)
    waiting = _Block(none, none, none, none)
    begin_seconds = 0.0
    while True:
        shop.pass_time(seconds / DAY_SECONDS)
        drawn = _sessions(shop, begin_seconds, seconds)
        begin_seconds += seconds
        events = waiting.followed_by(drawn)
        events = events.where(np.argsort(events.times_ms, kind="stable"))
        over = events.times_ms < START_MS + int(begin_seconds * 1000)
        waiting = events.where(~over)
        yield events.where(over)


def _sessions(shop: Shop, begin_seconds: float, seconds: float) -> _Block:
    """All events of the sessions that begin within the next `seconds`, step by step for all at once."""
    rng = shop.rng
    users = shop.draw_users(BLOCK_SESSIONS)
    categories = shop.draw_categories(users)
    times = begin_seconds + rng.random(BLOCK_SESSIONS) * seconds
    items, kinds = _first_items(shop, users, categories)
    steps = []
    for _ in range(MAX_STEPS):
        steps.append(_Block(users, items, kinds, START_MS + (times * 1000).astype(np.int64)))
        going_on = rng.random(len(users)) < GO_ON
        users, items, kinds, times = users[going_on], items[going_on], kinds[going_on], times[going_on]
        items, kinds = _next_items(shop, items, kinds)
        times = times + rng.exponential(SECONDS_BETWEEN_EVENTS, len(times))
    all_steps = _Block(*(np.concatenate(c) for c in zip(*map(_columns, steps), strict=True)))
    bought = all_steps.where(all_steps.kinds == PURCHASE)
    shop.remember_purchases(bought.users, bought.items)
    return all_steps


def _columns(block: _Block) -> tuple[Ints, Ints, Ints, Times]:
    return block.users, block.items, block.kinds, block.times_ms


def _first_items(shop: Shop, users: Ints, categories: Ints) -> tuple[Ints, Ints]:
    items = shop.draw_items(categories)
    again = shop.draw_purchases(users)
    restock = (again >= 0) & (shop.rng.random(len(users)) < RESTOCK)
    return np.where(restock, again, items), np.where(restock, PURCHASE, VIEW)


def _next_items(shop: Shop, items: Ints, kinds: Ints) -> tuple[Ints, Ints]:
    """What follows on each event: the same item into the cart, or bought, or the view of another item."""
    chance = shop.rng.random(len(items))
    cart = (kinds == VIEW) & (chance < CART_AFTER_VIEW)
    buy = (kinds == CART) & (chance < BUY_AFTER_CART)
    others = np.where(
        shop.rng.random(len(items)) < FOLLOW_NEIGHBOUR,
        shop.neighbours(items),
        shop.draw_items(shop.categories[items]),
    )
    return np.where(cart | buy, items, others), np.select([cart, buy], [CART, PURCHASE], VIEW)
