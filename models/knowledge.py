"""Knowledge: all that a worker has learned of items, as one tree of arrays that kernels take."""

from functools import cache
from typing import NamedTuple

import numpy as np

from models.batch import Bools, Int32s, Int64s
from models.experts.content import BUCKETS, Content, forget_content
from models.experts.popularity import TOP_ITEMS, Popularity, rebuild_top
from models.experts.sequence import Sequence
from models.experts.vectors import Vectors, forget_vectors
from models.features import features_of
from models.mixture import Mixture
from models.neighbours import Neighbours
from models.profiles import PUBLISHED_ITEMS
from models.ranker import FIRST_LINEAR_SQUARE, Ranker
from models.registry import CONTENT, SEQUENCE, takes_part
from models.renewal import Renewal
from models.tables import RowAxes, may_be_counts, row_axes

EVENTS, KNOWN_USER_EVENTS, REPEAT_EVENTS = 0, 1, 2


class ItemHistory(NamedTuple):
    """What happened to n items.

    Attributes:
        first, last: (n,) int64, number of the item's first and last event, counted over all events.
        repeats: (n,) int64, events of users who had had the item.
    """

    first: Int64s
    last: Int64s
    repeats: Int64s

    @classmethod
    def empty(cls, items: int) -> "ItemHistory":
        """Nothing happened."""
        return cls(np.zeros(items, np.int64), np.zeros(items, np.int64), np.zeros(items, np.int64))


class Knowledge(NamedTuple):
    """Tables of n items.

    Attributes:
        counters: (3,) int64, events learned; of these, of users with a history; of these, with an item they had.
        popular: (20,) int32, item rows of the popular list that stands published; -1 = none.
        events: (n,) int64, events of each item.
    """

    counters: Int64s
    popular: Int32s
    events: Int64s
    history: ItemHistory
    popularity: Popularity
    neighbours: Neighbours
    vectors: Vectors
    mixture: Mixture
    ranker: Ranker
    renewal: Renewal
    content: Content
    sequence: Sequence

    @classmethod
    def empty(cls, items: int, active: Bools, embedding_width: int = 0) -> "Knowledge":
        """Nothing is known of `items` rows; `active` (experts,) says which of the columns take part.

        `embedding_width`: numbers in what is kept of an item's embeddings.
        """
        return cls(
            counters=np.zeros(3, np.int64),
            popular=np.full(PUBLISHED_ITEMS, -1, np.int32),
            events=np.zeros(items, np.int64),
            history=ItemHistory.empty(items),
            popularity=Popularity.empty(items),
            neighbours=Neighbours.empty(items),
            vectors=Vectors.empty(items),
            mixture=Mixture.empty(active),
            ranker=Ranker.empty(items, features_of(len(active))),
            renewal=Renewal.empty(),
            content=Content.empty(items, embedding_width) if takes_part(active, CONTENT) else Content.off(),
            sequence=Sequence.empty(items) if takes_part(active, SEQUENCE) else Sequence.off(),
        )


@cache
def item_axes(columns: int) -> RowAxes:
    """Where the tables of items have their rows, with so many columns of experts."""
    return row_axes(lambda items: Knowledge.empty(items, np.ones(columns, np.bool_)))


def check_rows(knowledge: Knowledge) -> None:
    """Raises ValueError when a table names a row that is not there, or a count cannot be: kernels do not look."""
    bounds = (
        (knowledge.popular, len(knowledge.events)),
        (knowledge.popularity.top, len(knowledge.events)),
        (knowledge.popularity.place, TOP_ITEMS),
        (knowledge.neighbours.items, len(knowledge.events)),
        (knowledge.vectors.recent, len(knowledge.events)),
        (knowledge.vectors.counters[1:], len(knowledge.events) + 1),
        (knowledge.content.items, len(knowledge.events)),
        (knowledge.content.terms, BUCKETS),
        (knowledge.sequence.histories, len(knowledge.events)),
        (knowledge.sequence.targets, len(knowledge.events)),
    )
    if any(rows.max(initial=-1) >= bound or rows.min(initial=-1) < -1 for rows, bound in bounds):
        raise ValueError("a table of items names rows that do not exist")
    counts = (knowledge.counters, knowledge.events, *knowledge.history, knowledge.vectors.counters)
    if not all(may_be_counts(count) for count in (*counts, knowledge.sequence.counters)):
        raise ValueError("a table of items counts below 0, or more than can be")


def least_valuable(knowledge: Knowledge, rows: Int32s, count: int) -> Int32s:
    """The `count` rows among `rows` whose items are least popular over the long run."""
    order = np.argsort(knowledge.popularity.counts[-1, rows], kind="stable")
    return rows[order[:count]]


def forget_items(knowledge: Knowledge, rows: Int32s) -> None:
    """Clears the rows, and every mention of them in other rows, for the next items that get them."""
    popularity, neighbours = knowledge.popularity, knowledge.neighbours
    popularity.counts[:, rows] = 0
    popularity.totals[:] = popularity.counts.sum(axis=1)  # taking off what goes would cancel down to noise
    rebuild_top(popularity)
    neighbours.items[rows] = -1
    neighbours.counts[rows] = 0
    neighbours.totals[rows] = 0
    neighbours.mass[rows] = 0
    mentioned = np.isin(neighbours.items, rows)
    neighbours.items[mentioned] = -1
    neighbours.counts.transpose(0, 2, 1)[mentioned] = 0
    forget_vectors(knowledge.vectors, rows)
    forget_content(knowledge.content, rows)
    knowledge.ranker.bias[rows], knowledge.ranker.bias_squares[rows] = 0, FIRST_LINEAR_SQUARE
    for column in (knowledge.events, *knowledge.history):
        column[rows] = 0
    knowledge.popular[np.isin(knowledge.popular, rows)] = -1
