"""Budgets: how many items or users fit into so many bytes.

What a row takes is measured on empty tables, so it follows whatever is added to them. Ids count as if each had 36
characters, as UUIDs have, and Python's tables of ids as full as makes them largest.
"""

from functools import cache
from typing import NamedTuple

from models.recommender import Recommender, RecommenderOptions
from models.registry import EXPERTS
from models.seen import LEAST_SEGMENTS, filter_bytes
from models.shard import SEEN_BYTES_PER_USER, ProfileShard
from models.tables import size_bytes
from models.vocabulary import FIRST_CAPACITY

ID_CHARACTERS = 36
TEXT_BYTES = 49 + ID_CHARACTERS
DICTIONARY_ENTRY_BYTES = 60  # at most, after doubling
ROW_NUMBER_BYTES = 28
LIST_ENTRY_BYTES = 9  # with the reserve for more
HASH_BYTES = 8
KNOWN_ID_BYTES = TEXT_BYTES + DICTIONARY_ENTRY_BYTES + ROW_NUMBER_BYTES + LIST_ENTRY_BYTES + HASH_BYTES
KNOCKED_ID_BYTES = TEXT_BYTES + DICTIONARY_ENTRY_BYTES


class Cost(NamedTuple):
    """Memory of tables with n rows is at most `fixed_bytes + n * row_bytes`."""

    fixed_bytes: int
    row_bytes: int

    def rows_within(self, budget_bytes: int) -> int:
        """Most rows that fit; 0 or less = none does."""
        return (budget_bytes - self.fixed_bytes) // self.row_bytes

    def of(self, rows: int) -> int:
        """Bytes that so many rows take."""
        return self.fixed_bytes + rows * self.row_bytes


@cache
def item_cost(experts: tuple[str, ...] = EXPERTS, embedding_width: int = 0) -> Cost:
    """Of a recommender's items: all experts' tables, scratch memory, ids, and as many strangers at the door.

    `embedding_width`: numbers that are kept of an item's embeddings.
    """
    options = (
        RecommenderOptions(max_items=rows, experts=experts, embedding_width=embedding_width)
        for rows in (1, FIRST_CAPACITY)
    )
    tables = _line(*(Recommender(each).item_bytes() for each in options))
    return Cost(tables.fixed_bytes, tables.row_bytes + KNOWN_ID_BYTES + KNOCKED_ID_BYTES)


@cache
def user_cost() -> Cost:
    """Of one shard's users: profiles, ids, and the seen filter."""
    tables = _line(*(size_bytes(ProfileShard(rows).profiles) for rows in (1, FIRST_CAPACITY)))
    bookkeeping = size_bytes(ProfileShard(1).seen)
    fixed = tables.fixed_bytes + bookkeeping + filter_bytes(LEAST_SEGMENTS)
    return Cost(fixed, tables.row_bytes + KNOWN_ID_BYTES + SEEN_BYTES_PER_USER)


def _line(one_row_bytes: int, many_rows_bytes: int) -> Cost:
    row_bytes = (many_rows_bytes - one_row_bytes) // (FIRST_CAPACITY - 1)
    return Cost(one_row_bytes - row_bytes, row_bytes)
