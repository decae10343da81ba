"""Content: what is like the user's last items by what the catalogue says of them, had by anybody yet or not.

score_j = sum_{r<20} 0.7^r cos(c_r, j), over the items j that stand in the rows of the last items c_r. The cosines
come from `content_index.py`. A part of each row is kept for items that nobody has had, so that the others do not crowd
them out; they are where a catalogue tells more than the events do.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from models.batch import Bools, Float32s, Int32s, Int64s, UInt64s
from models.candidates import Candidates, position_of, propose
from models.compiled import inlined, kernel
from models.profiles import Profiles, item_back, remembered

NEAREST_ITEMS, UNMET_ITEMS = 40, 24
SIMILAR_ITEMS = NEAREST_ITEMS + UNMET_ITEMS
TERMS, BUCKETS = 96, 1 << 18
WINDOW_EVENTS = 20
DECAY = 0.7
NOVELTY_EVENTS = 5_000.0
NOTHING_SAID = 0


class Content(NamedTuple):
    """What was said of n items; empty arrays where the expert is off.

    Attributes:
        items: (n, 64) int32, similar items, in no order: the 40 nearest ones, then those that nobody had; -1 = free.
        cosines: (n, 64) float32, how similar they are; 0 = free.
        digests: (n,) uint64, of what was said last of the item; 0 = nothing.
        terms: (n, 96) int32, buckets of its heaviest terms; -1 = fewer. weights: (n, 96) float32, a unit vector.
        embeddings: (n, width) float32, of what was said, see `embeddings.py`; no numbers where there are none.
        items_with_term: (262144,) int32, how often a term was in what was said; counters: (1,) int64, of how many.
    """

    items: Int32s
    cosines: Float32s
    digests: UInt64s
    terms: Int32s
    weights: Float32s
    embeddings: Float32s
    items_with_term: Int32s
    counters: Int64s

    @classmethod
    def empty(cls, items: int, embedding_width: int = 0) -> "Content":
        """Nothing was said."""
        return cls(
            np.full((items, SIMILAR_ITEMS), -1, np.int32),
            np.zeros((items, SIMILAR_ITEMS), np.float32),
            np.full(items, NOTHING_SAID, np.uint64),
            np.full((items, TERMS), -1, np.int32),
            np.zeros((items, TERMS), np.float32),
            np.zeros((items, embedding_width), np.float32),
            np.zeros(BUCKETS, np.int32),
            np.zeros(1, np.int64),
        )

    @classmethod
    def off(cls) -> "Content":
        """Of an expert that does not take part."""
        return _off()


@cache
def _off() -> Content:
    """Empty arrays, which everybody may share."""
    return Content._make(np.zeros((0,) * array.ndim, array.dtype) for array in Content.empty(0))


@kernel
def propose_content(content: Content, profiles: Profiles, user: int, candidates: Candidates) -> None:
    """Proposes what is like the user's last items."""
    if len(content.digests) == 0:
        return
    for back in range(min(remembered(profiles, user), WINDOW_EVENTS)):
        row = item_back(profiles, user, back)
        if row >= 0:
            for item in content.items[row]:
                if item >= 0:
                    propose(candidates, item)


@kernel
def score_content(content: Content, profiles: Profiles, user: int, candidates: Candidates, out: Float32s) -> None:
    """The decayed sum of similarities; it stays in `candidates.alike` too."""
    if len(content.digests) == 0:
        return
    near = np.float32(1.0)
    for back in range(min(remembered(profiles, user), WINDOW_EVENTS)):
        row = item_back(profiles, user, back)
        if row >= 0:
            for place in range(SIMILAR_ITEMS):
                item = content.items[row, place]
                position = position_of(candidates, item) if item >= 0 else -1
                if position >= 0:
                    out[position] += near * content.cosines[row, place]
        near *= np.float32(DECAY)
    for position in range(candidates.found[0]):
        candidates.alike[position] = out[position]


@kernel
def most_alike(content: Content, profiles: Profiles, user: int, item: int) -> int:
    """Row of the user's item that contributed most to the score of `item`."""
    best, most, near = -1, np.float32(0.0), np.float32(1.0)
    for back in range(min(remembered(profiles, user), WINDOW_EVENTS)):
        row = item_back(profiles, user, back)
        if row >= 0:
            for place in range(SIMILAR_ITEMS):
                share = near * content.cosines[row, place]
                if content.items[row, place] == item and share > most:
                    best, most = row, share
        near *= np.float32(DECAY)
    return best


@kernel
def offer_all(
    content: Content, novelty: Float32s, new: Int32s, is_new: Bools, starts: Int32s, others: Int32s, cosines: Float32s
) -> None:
    """Offers new items, and those that they are like, to each other's rows.

    Of row `new[i]` these are `others[k]`, with `cosines[k]`, for k from `starts[i]` to `starts[i + 1]`; `is_new` (n,)
    says of each row whether it is among the new ones, which meet each other from both sides. `novelty` (n,): see there.
    """
    for index in range(len(new)):
        for pair in range(starts[index], starts[index + 1]):
            other = others[pair]
            if other != new[index]:
                _offer(content, novelty, new[index], other, cosines[pair])
                if not is_new[other]:
                    _offer(content, novelty, other, new[index], cosines[pair])


@inlined
def _offer(content: Content, novelty: Float32s, row: int, item: int, cosine: np.float32) -> None:
    """The item takes the place of the least near one, which may still stand among those that nobody had."""
    items, cosines = content.items[row], content.cosines[row]
    place = 0
    for other in range(1, NEAREST_ITEMS):
        if cosines[other] < cosines[place]:
            place = other
    if cosine > cosines[place]:
        displaced, nearness = items[place], cosines[place]
        items[place], cosines[place] = item, cosine
        item, cosine = displaced, nearness
    if item < 0:
        return
    place, least = -1, cosine * novelty[item]
    for other in range(NEAREST_ITEMS, SIMILAR_ITEMS):
        nearness = cosines[other] * novelty[items[other]] if items[other] >= 0 else np.float32(0.0)
        if nearness < least:
            place, least = other, nearness
    if place >= 0:
        items[place], cosines[place] = item, cosine


def novelty_of(events: Int64s, arrived: Int64s, now: int) -> Float32s:
    """(n,): how much an item counts as new; 0 = somebody had it. `arrived` (n,): events learned when it came."""
    age_events = np.maximum(now - arrived, 0)
    return np.where(events > 0, 0.0, 1.0 / (1.0 + age_events / NOVELTY_EVENTS)).astype(np.float32)


def forget_content(content: Content, rows: Int32s) -> None:
    """The rows go to other items, or other things are said of them."""
    if not len(content.digests):
        return
    content.items[rows], content.digests[rows] = -1, NOTHING_SAID
    content.terms[rows], content.weights[rows], content.embeddings[rows] = -1, 0, 0
    content.items[np.isin(content.items, rows)] = -1
    content.cosines[content.items < 0] = 0
