"""The users and items of a simulation, and how they change as time passes."""

import numpy as np
import numpy.typing as npt

from worker.events import Item

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

WORDS = (
    ("kitchen", "teapot"), ("garden", "lantern"), ("toys", "puzzle"), ("books", "notebook"),
    ("lighting", "lamp"), ("bath", "towel"), ("office", "stapler"), ("crafts", "ribbon"),
    ("party", "balloon"), ("travel", "bag"), ("pets", "collar"), ("sports", "ball"),
    ("music", "drum"), ("jewellery", "bracelet"), ("clothing", "scarf"), ("tools", "hammer"),
)  # fmt: skip
COLOURS = ("red", "blue", "green", "white", "black", "yellow", "pink", "grey")
MATERIALS = ("wooden", "tin", "glass", "paper", "cotton", "ceramic", "leather")
TASTES = 3
TASTE_SHARES = (0.65, 0.2, 0.1)  # the rest: anything
POPULARITY_EXPONENT = 0.9
TREND_DAYS, TREND_SIZE = 5.0, 0.8
TASTE_CHANGES_A_DAY = 0.03
NEW_ITEMS, NEW_ITEM_DAYS = 0.2, 30.0
REMEMBERED_PURCHASES = 6


class Shop:
    """Users by number 0.., items by number 0..; an item's category is its number modulo the categories.

    Attributes:
        rng: where all chance comes from.
        categories: (items,) category of each item.
    """

    def __init__(self, users: int, items: int, seed: int) -> None:
        self.users = users
        self.items = items
        self.rng = np.random.default_rng(seed)
        self._category_count = min(len(WORDS), items)
        self.categories: Ints = np.arange(items) % self._category_count
        self._by_category: Ints = np.argsort(self.categories, kind="stable")
        self._activity = _cumulative(self.rng.lognormal(sigma=1.0, size=users))
        self._tastes: Ints = self.rng.integers(self._category_count, size=(users, TASTES))
        self._purchases: Ints = np.full((users, REMEMBERED_PURCHASES), -1, dtype=np.int64)
        self._prices: Floats = np.round(self.rng.lognormal(2.0, 0.8, size=items), 2)
        ranks = self.rng.permutation(items) // self._category_count
        self._popularity: Floats = np.power(1.0 + ranks, -POPULARITY_EXPONENT)
        self._trend: Floats = self.rng.normal(0.0, TREND_SIZE, size=items)
        self._born_days: Floats = self._draw_births()
        self._day = 0.0
        self._choice = self._cumulative_by_category()

    def catalogue(self) -> list[Item]:
        return [
            Item(item_id, _title(number), WORDS[category][0], price=price)
            for number, (item_id, category, price) in enumerate(
                zip(self.item_ids(), self.categories.tolist(), self._prices.tolist(), strict=True)
            )
        ]

    def user_ids(self) -> list[str]:
        return [f"u{number:06d}" for number in range(self.users)]

    def item_ids(self) -> list[str]:
        return [f"i{number:06d}" for number in range(self.items)]

    def pass_time(self, days: float) -> None:
        """Lets tastes drift, trends move and new items appear."""
        self._day += days
        changed = np.flatnonzero(self.rng.random(self.users) < 1 - (1 - TASTE_CHANGES_A_DAY) ** days)
        self._tastes[changed, 1:] = self._tastes[changed, :-1]
        self._tastes[changed, 0] = self.rng.integers(self._category_count, size=len(changed))
        stays = np.exp(-days / TREND_DAYS)
        fresh = self.rng.normal(0.0, TREND_SIZE, size=self.items)
        self._trend = stays * self._trend + np.sqrt(1 - stays**2) * fresh
        self._choice = self._cumulative_by_category()

    def draw_users(self, count: int) -> Ints:
        """(count,) users, the active ones more often."""
        return np.minimum(np.searchsorted(self._activity, self.rng.random(count)), self.users - 1)

    def draw_categories(self, users: Ints) -> Ints:
        """(users,) a category to each user's taste."""
        slot = np.searchsorted(np.cumsum(TASTE_SHARES), self.rng.random(len(users)))
        anything = self.rng.integers(self._category_count, size=len(users))
        return np.where(slot < TASTES, self._tastes[users, np.minimum(slot, TASTES - 1)], anything)

    def draw_items(self, categories: Ints) -> Ints:
        """(categories,) an item of each category by popularity and trend."""
        place = np.searchsorted(self._choice, categories + self.rng.random(len(categories)), side="right")
        return self._by_category[np.minimum(place, self.items - 1)]

    def neighbours(self, items: Ints) -> Ints:
        """(items,) the item beside each one in its category, if it is there yet; else the item itself."""
        beside = items + self._category_count
        beside = np.where(beside < self.items, beside, self.categories[items])
        return np.where(self._born_days[beside] <= self._day, beside, items)

    def draw_purchases(self, users: Ints) -> Ints:
        """(users,) something that each user bought before; -1 for some or all who have not bought much."""
        return self._purchases[users, self.rng.integers(REMEMBERED_PURCHASES, size=len(users))]

    def remember_purchases(self, users: Ints, items: Ints) -> None:
        self._purchases[users, self.rng.integers(REMEMBERED_PURCHASES, size=len(users))] = items

    def _draw_births(self) -> Floats:
        """(items,) the day on which each appears; each category's first item is there from the start."""
        born = np.where(self.rng.random(self.items) < NEW_ITEMS, self.rng.random(self.items) * NEW_ITEM_DAYS, 0.0)
        born[: self._category_count] = 0.0
        return born

    def _cumulative_by_category(self) -> Floats:
        """(items,) by category: category c's items share the interval from c to c + 1."""
        weights = self._popularity * np.exp(self._trend) * (self._born_days <= self._day)
        by_category = weights[self._by_category]
        counts = np.bincount(self.categories)
        ends = np.cumsum(counts)
        running = np.cumsum(by_category)
        totals = np.add.reduceat(by_category, ends - counts)
        before = np.repeat(np.concatenate(([0.0], running[ends - 1][:-1])), counts)
        shares: Floats = np.repeat(np.arange(len(counts)), counts) + (running - before) / np.repeat(totals, counts)
        return shares


def _title(number: int) -> str:
    category = number % len(WORDS)
    colour = COLOURS[number // len(WORDS) % len(COLOURS)]
    material = MATERIALS[number // (len(WORDS) * len(COLOURS)) % len(MATERIALS)]
    series = number // (len(WORDS) * len(COLOURS) * len(MATERIALS)) + 1
    return f"{colour} {material} {WORDS[category][1]} no. {series}".capitalize()


def _cumulative(weights: Floats) -> Floats:
    shares: Floats = np.cumsum(weights / weights.sum())
    return shares
