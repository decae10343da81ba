"""Pinning: items that people put at a place of lists, whatever their score."""

import numpy as np

from models.assortment import Shelf
from models.batch import Bools, Int32s, Int64s, UInt64s
from models.compiled import kernel
from models.profiles import NOBODY, Profiles, place_in
from models.ranking import Ranked
from models.seen import SeenFilter, has_seen, pair_hash


@kernel
def may_pin(
    profiles: Profiles,
    seen: SeenFilter,
    user_hashes: UInt64s,
    item_hashes: UInt64s,
    shelf: Shelf,
    excluding: bool,
    users: Int32s,
    allowed: Bools,
) -> None:
    """Sets `allowed` (m, p): whether each pinned item may stand in the list of each of the m users."""
    for index in range(len(users)):
        user = users[index]
        for pin in range(len(shelf.pinned)):
            item = shelf.pinned[pin]
            was_seen = excluding and has_seen(seen, pair_hash(user_hashes[user], item_hashes[item]))
            rejected = place_in(profiles.rejected[user], item) > 0
            allowed[index, pin] = shelf.shown[item] and not was_seen and not rejected


def pin_items(ranked: Ranked, shelf: Shelf, allowed: Bools) -> None:
    """Puts the pinned items into lists (m, k) at their places, the nearest there is; `allowed` is (m, p).

    One that stands in the list moves with all that is said of it. Another one takes the last place of a full list
    there; it has no expert, -1, and no score, 0.
    """
    for pin, (item, place) in enumerate(zip(shelf.pinned.tolist(), shelf.pinned_at.tolist(), strict=True)):
        lists = np.flatnonzero(allowed[:, pin])
        if len(lists):
            _pin(ranked, item, place, lists)


def _pin(ranked: Ranked, item: int, place: int, lists: Int64s) -> None:
    size = ranked.items.shape[1]
    holds = ranked.items[lists] == item  # (l, k)
    is_new = ~holds.any(axis=1)
    lengths = (ranked.items[lists] >= 0).sum(axis=1)
    stood = np.where(is_new, np.minimum(lengths, size - 1), holds.argmax(axis=1))
    wanted = np.minimum(place, np.where(is_new, np.minimum(lengths, size - 1), lengths - 1))
    order = _moved(size, stood, wanted)
    for column in (each for each in ranked.columns() if each.shape[1]):
        places = order.reshape(*order.shape, *[1] * (column.ndim - 2))
        column[lists] = np.take_along_axis(column[lists], places, axis=1)
        column[lists[is_new], wanted[is_new]] = NOBODY if column.dtype.kind == "i" else 0.0
    ranked.items[lists, wanted] = item


def _moved(size: int, stood: Int64s, wanted: Int64s) -> Int64s:
    """(l, k): which place each place takes its item from, where the one at `stood` (l,) goes to `wanted` (l,)."""
    places = np.arange(size)[None, :]
    stood, wanted = stood[:, None], wanted[:, None]
    later = (places > wanted) & (places <= stood)
    earlier = (places < wanted) & (places >= stood)
    return np.where(places == wanted, stood, places - later + earlier)


def pinned_rows(rows: Int32s, shelf: Shelf, size: int) -> Int32s:
    """A list of up to `size` item rows, best first, with the pinned items that may be shown at their places."""
    listed = rows.tolist()
    for item, place in zip(shelf.pinned.tolist(), shelf.pinned_at.tolist(), strict=True):
        if shelf.shown[item]:
            listed = [each for each in listed if each != item]
            listed.insert(place, item)
    return np.array(listed[:size], np.int32)
