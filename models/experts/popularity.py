"""What everybody takes: counts that decay with a half-life in events, by forward decay (Cormode et al. 2009).

Three half-lives: 500 events follow a trend, 50,000 know the standing favourites.
"""

from typing import NamedTuple

import numpy as np

from models.batch import Float32s, Float64s, Int32s
from models.candidates import Candidates, propose
from models.compiled import inlined, kernel

HALF_LIVES_EVENTS = (500.0, 5_000.0, 50_000.0)
SPEEDS = len(HALF_LIVES_EVENTS)
TOP_ITEMS = 100
RESCALE_AT = 1e100
NEGLIGIBLE = 1e-20
_GROWTH = np.array([2.0 ** (1.0 / half_life) for half_life in HALF_LIVES_EVENTS])


class Popularity(NamedTuple):
    """Counts of n items at three speeds, fast first.

    Attributes:
        counts: (3, n) float64, forward-decayed weight.
        totals: (3,) float64, their sums.
        scale: (3,) float64, what a weight of 1 counts now.
        top: (3, 100) int32, the leading items in order; -1 = fewer items than places.
        place: (3, n) int32, an item's place in `top`; -1 = not in it.
    """

    counts: Float64s
    totals: Float64s
    scale: Float64s
    top: Int32s
    place: Int32s

    @classmethod
    def empty(cls, items: int) -> "Popularity":
        """Nobody took anything yet."""
        return cls(
            counts=np.zeros((SPEEDS, items)),
            totals=np.zeros(SPEEDS),
            scale=np.ones(SPEEDS),
            top=np.full((SPEEDS, TOP_ITEMS), -1, np.int32),
            place=np.full((SPEEDS, items), -1, np.int32),
        )


@inlined
def learn_popularity(popularity: Popularity, item: int, weight: float) -> None:
    """Counts one event of `item`, and lets all counts decay by one event."""
    for speed in range(SPEEDS):
        popularity.counts[speed, item] += weight * popularity.scale[speed]
        popularity.totals[speed] += weight * popularity.scale[speed]
        _rise(popularity, speed, item)
        popularity.scale[speed] *= _GROWTH[speed]
        if popularity.scale[speed] > RESCALE_AT:
            shrink = 1.0 / popularity.scale[speed]
            for other in range(popularity.counts.shape[1]):  # in a plain loop, which compiles faster
                popularity.counts[speed, other] *= shrink
            popularity.totals[speed] *= shrink
            popularity.scale[speed] = 1.0


@inlined
def _rise(popularity: Popularity, speed: int, item: int) -> None:
    """Moves `item` up in the top list. Exact: all decay alike, so only the item that was counted can rise."""
    counts, top, place = popularity.counts[speed], popularity.top[speed], popularity.place[speed]
    here = place[item]
    if here < 0:
        here = TOP_ITEMS - 1
        last = top[here]
        if last >= 0:
            if counts[last] >= counts[item]:
                return
            place[last] = -1
    while here > 0 and (top[here - 1] < 0 or counts[top[here - 1]] < counts[item]):
        top[here] = top[here - 1]
        if top[here] >= 0:
            place[top[here]] = here
        here -= 1
    top[here] = item
    place[item] = here


@kernel
def propose_popular(popularity: Popularity, candidates: Candidates) -> None:
    """Proposes the leading items at each speed."""
    for speed in range(SPEEDS):
        for rank in range(TOP_ITEMS):
            if popularity.top[speed, rank] >= 0:
                propose(candidates, popularity.top[speed, rank])


@kernel
def score_popularity(popularity: Popularity, candidates: Candidates, speed: int, out: Float32s) -> None:
    """Share of the decayed events, for each candidate."""
    whole = max(popularity.totals[speed], 1e-300)
    for position in range(candidates.found[0]):
        share = popularity.counts[speed, candidates.items[position]] / whole
        out[position] = share if share > NEGLIGIBLE else 0.0  # what float32 cannot hold well would be slow, too


def standing(popularity: Popularity, rows: Int32s) -> tuple[Float64s, Float64s]:
    """Of items by row: shares of all events over the long run, and trends: the shares lately, over those."""
    fast, _, slow = popularity.counts[:, rows] / np.maximum(popularity.totals, 1e-300)[:, *(None,) * rows.ndim]
    return slow, fast / np.maximum(slow, NEGLIGIBLE)


def rebuild_top(popularity: Popularity) -> None:
    """Finds the leading items again after some were forgotten."""
    popularity.place[:] = -1
    popularity.top[:] = -1
    for speed in range(SPEEDS):
        order = np.argsort(-popularity.counts[speed], kind="stable")[:TOP_ITEMS]
        order = order[popularity.counts[speed, order] > 0]
        popularity.top[speed, : len(order)] = order
        popularity.place[speed, order] = np.arange(len(order), dtype=np.int32)
