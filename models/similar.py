"""What goes with each item, for everybody: what comes around it most, then what is described much like it.

Of item i, with the channels of its row and n, decayed events (see `experts/covisitation.py`):
similar_j = (fwd[j] + bwd[j] / 2 + bsk[j] / 2) / sqrt(n_i + 1) / (n_j + 1)^0.25: the expert's score of a user whose one
item is i. Places that are left go to what the catalogue says is alike, by cosine times the last of these scores.
"""

from typing import NamedTuple

import numpy as np

from models.batch import Bools, Float32s, Int32s, Int64s
from models.compiled import kernel
from models.experts.content import SIMILAR_ITEMS, Content
from models.experts.covisitation import BACKWARD_WEIGHT, BASKET_WEIGHT
from models.knowledge import Knowledge
from models.neighbours import BACKWARD, BASKET, FORWARD, NEIGHBOURS, Neighbours
from models.profiles import place_in

COLD_SCORE = 0.1  # of an item around which nothing came yet, per cosine


class Similar(NamedTuple):
    """Similar items of m items, k places each, best first.

    Attributes:
        items: (m, k) int32, item rows; -1 = there are fewer.
        scores: (m, k) float32, which descend.
        together: (m,) int32, how many of them came around the item; those after are described like it.
    """

    items: Int32s
    scores: Float32s
    together: Int32s


def similar_items(knowledge: Knowledge, shown: Bools, rows: Int32s, size: int) -> Similar:
    """Up to `size` items, of those that are shown, for each of the items in these rows; leaves no trace."""
    found = Similar(
        np.full((len(rows), size), -1, np.int32), np.zeros((len(rows), size), np.float32), np.zeros(len(rows), np.int32)
    )
    find_similar(knowledge.neighbours, knowledge.content, shown, rows, found)
    return found


def rows_that_name(knowledge: Knowledge, rows: Int32s) -> Bools:
    """(n,) bool, items to whose similar ones any of these may belong."""
    names = np.asarray(np.isin(knowledge.neighbours.items, rows).any(axis=1), np.bool_)
    if len(knowledge.content.digests):
        names |= np.isin(knowledge.content.items, rows).any(axis=1)
    return names


@kernel
def count_shown(published: Int32s, counts: Int64s) -> None:
    """Adds to `counts` (n,) how many of the lists, (u, k) item rows, show each item."""
    for user in range(len(published)):
        for place in range(published.shape[1]):
            if published[user, place] >= 0:
                counts[published[user, place]] += 1


@kernel
def find_similar(table: Neighbours, content: Content, shown: Bools, rows: Int32s, found: Similar) -> None:
    """Fills row i of `found`, which is empty, with what is similar to `rows[i]`."""
    for index in range(len(rows)):
        items, scores = found.items[index], found.scores[index]
        together = _take_neighbours(table, shown, rows[index], items, scores)
        found.together[index] = together
        if len(content.digests) > 0 and together < len(items):
            most = scores[together - 1] if together > 0 else np.float32(COLD_SCORE)
            _take_alike(content, shown, rows[index], most, together, items, scores)


@kernel
def _take_neighbours(table: Neighbours, shown: Bools, row: int, items: Int32s, scores: Float32s) -> int:
    one, length = np.float32(table.scale[0]), 0
    whole = np.sqrt((table.mass[row] + one) * one)
    for place in range(NEIGHBOURS):
        item = table.items[row, place]
        if item >= 0 and shown[item]:
            around = (
                table.counts[row, FORWARD, place] + np.float32(BACKWARD_WEIGHT) * table.counts[row, BACKWARD, place]
            )
            around += np.float32(BASKET_WEIGHT) * table.counts[row, BASKET, place]
            score = around / whole / np.sqrt(np.sqrt(table.mass[item] / one + np.float32(1.0)))
            if score > 0:
                length = _insert(items, scores, 0, length, item, score)
    return length


@kernel
def _take_alike(
    content: Content, shown: Bools, row: int, most: np.float32, together: int, items: Int32s, scores: Float32s
) -> int:
    """Fills the places from `together` on, with scores of `most` at most."""
    length = together
    for place in range(SIMILAR_ITEMS):
        item = content.items[row, place]
        if item >= 0 and shown[item] and item != row and place_in(items[:together], item) == 0:
            cosine = min(content.cosines[row, place], np.float32(1.0))
            length = _insert(items, scores, together, length, item, most * cosine)
    return length


@kernel
def _insert(items: Int32s, scores: Float32s, first: int, length: int, item: int, score: np.float32) -> int:
    """Into the places from `first` to `length`, whose scores descend; returns the length then."""
    here = length
    if length == len(items):
        if score <= scores[length - 1]:
            return length
        here -= 1
    while here > first and scores[here - 1] < score:
        items[here], scores[here] = items[here - 1], scores[here - 1]
        here -= 1
    items[here], scores[here] = item, score
    return min(length + 1, len(items))
