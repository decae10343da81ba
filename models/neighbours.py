"""Item-to-item rows with channels: one bounded table from which several experts read.

A row holds the 96 neighbours of an item. It is a small set-associative memory: an item may stand in one of the
16 places of its set, so finding it costs one cache line; a full set gives up its lightest entry. All entries decay
with a half-life in events by forward decay (Cormode et al. 2009): what is added grows instead of all else shrinking.
"""

from typing import NamedTuple, TypeVar

import numpy as np

from models.batch import Float32s, Float64s, Int32s
from models.compiled import inlined, kernel
from models.lane_sums import HALF, gather_lanes
from models.lanes import LANES, find_lane, lightest_lane

SETS, WAYS = 6, LANES
NEIGHBOURS = SETS * WAYS
NEXT, FORWARD, BACKWARD, BASKET = range(4)
CHANNELS = 4
CACHE_LINE_BYTES = 64
HALF_LIFE_EVENTS = 100_000.0
RESCALE_AT = 1e12

Array = TypeVar("Array", Int32s, Float32s)

NEXT_SUM, NEXT_COUNT, FORWARD_SUM, BACKWARD_SUM, SIMILAR_SUM, BASKET_SUM, STRONGEST, ROWS_WITH = range(HALF)
SUMS = HALF

_gather = gather_lanes(channels=CHANNELS, apart=NEIGHBOURS, highest=STRONGEST)
_lightest_way = lightest_lane(factors=(1.0, 1.0, 0.5, 0.1), apart=NEIGHBOURS)


class Neighbours(NamedTuple):
    """Rows of n items.

    Attributes:
        items: (n, 96) int32, neighbours; -1 = free.
        counts: (n, 4, 96) float32, decayed weight by channel: next, forward, backward, basket.
        totals: (n, 4) float32, decayed weight ever added to a row, by channel.
        mass: (n,) float32, decayed weight of the item's own events.
        scale: (1,) float64, what a weight of 1 counts now; divides all of the above.
    """

    items: Int32s
    counts: Float32s
    totals: Float32s
    mass: Float32s
    scale: Float64s

    @classmethod
    def empty(cls, items: int) -> "Neighbours":
        """Rows without neighbours."""
        return cls(
            items=_aligned(np.full((items, NEIGHBOURS), -1, np.int32)),
            counts=_aligned(np.zeros((items, CHANNELS, NEIGHBOURS), np.float32)),
            totals=np.zeros((items, CHANNELS), np.float32),
            mass=np.zeros(items, np.float32),
            scale=np.ones(1, np.float64),
        )


def _aligned(array: Array) -> Array:
    """The same content at an address where each set of places fills cache lines of its own."""
    memory = np.empty(array.nbytes + CACHE_LINE_BYTES, np.uint8)
    start = -memory.ctypes.data % CACHE_LINE_BYTES
    aligned = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    aligned[...] = array
    return aligned


@inlined
def _set_of(item: int) -> int:
    return (((item * 0x9E3779B1) & 0xFFFFFFFF) * SETS) >> 32


@inlined
def place_of(table: Neighbours, row: int, item: int) -> int:
    """Where in the row of `row` the neighbour `item` stands; -1 = nowhere."""
    first = _set_of(item) * WAYS
    way = find_lane(table.items, row * NEIGHBOURS + first, item)
    return first + way if way < WAYS else -1


@inlined
def _make_place(table: Neighbours, row: int, item: int) -> int:
    """A place for a new neighbour: that of the lightest of its set, so a free one, if there is one."""
    first = _set_of(item) * WAYS
    lightest = first + _lightest_way(table.counts, row * CHANNELS * NEIGHBOURS + first)
    table.items[row, lightest] = item
    for channel in range(CHANNELS):
        table.counts[row, channel, lightest] = np.float32(0.0)
    return lightest


@inlined
def place_for(table: Neighbours, row: int, item: int) -> int:
    """Where in the row of `row` the neighbour `item` stands from now on."""
    place = place_of(table, row, item)
    return place if place >= 0 else _make_place(table, row, item)


@inlined
def add_at(table: Neighbours, row: int, place: int, channel: int, weight: float) -> None:
    """Adds `weight`, already scaled, to a channel of the neighbour at `place` of `row`."""
    table.counts[row, channel, place] += np.float32(weight)
    table.totals[row, channel] += np.float32(weight)


@inlined
def add_neighbour(table: Neighbours, row: int, item: int, channel: int, weight: float) -> None:
    """Adds `weight`, already scaled, to a channel of the neighbour `item` of `row`."""
    add_at(table, row, place_for(table, row, item), channel, weight)


@inlined
def gather_neighbour(sums: Float32s, position: int, table: Neighbours, row: int, place: int, factors: Float32s) -> None:
    """Adds what the neighbour at `place` of `row` has in its channels, times `factors`, to the sums at `position`.

    The sum STRONGEST becomes the highest instead. `factors`: (channels + 1, 8), the last ones count for being there.
    """
    _gather(sums, position, table.counts, row * CHANNELS * NEIGHBOURS + place, factors)


@inlined
def age_neighbours(table: Neighbours, item: int, weight: float) -> None:
    """Counts the event of `item` itself and lets all weights decay by one event."""
    table.mass[item] += np.float32(weight * table.scale[0])
    table.scale[0] *= 2.0 ** (1.0 / HALF_LIFE_EVENTS)
    if table.scale[0] > RESCALE_AT:
        _rescale(table, np.float32(1.0 / table.scale[0]))


@kernel
def _rescale(table: Neighbours, shrink: np.float32) -> None:
    """Makes 1 the present weight again. In plain loops, which compile in a tenth of the time of array expressions."""
    for item in range(len(table.mass)):
        table.mass[item] *= shrink
        for channel in range(CHANNELS):
            table.totals[item, channel] *= shrink
            for place in range(NEIGHBOURS):
                table.counts[item, channel, place] *= shrink
    table.scale[0] = 1.0
