"""Ids <-> dense rows: admission, eviction, recycling, within a bound."""

import hashlib
import sys
from collections.abc import Iterable, Sequence

import numpy as np

from models.batch import Int32s, UInt64s

ABSENT = -1
FIRST_CAPACITY = 1024
EVICT_SHARE = 64
_ROW_NUMBER_BYTES = sys.getsizeof(1 << 20)


def stable_hash(identifier: str) -> int:
    """64 bits of the id that mean the same in every process."""
    return int.from_bytes(hashlib.blake2b(identifier.encode(), digest_size=8).digest(), "little")


def stable_hashes(identifiers: Sequence[str]) -> UInt64s:
    """`stable_hash` of each, (n,)."""
    blake = hashlib.blake2b
    digests = b"".join([blake(identifier.encode(), digest_size=8).digest() for identifier in identifiers])
    return np.frombuffer(digests, "<u8").astype(np.uint64)


class Vocabulary:
    """Gives ids rows, the first free one at an id's first event, until `most_rows` are in use.

    When all rows are in use, `assign` stops, and whoever owns the tables behind the rows picks some to `release`.
    With a doorkeeper (after TinyLFU, Einziger et al. 2017), a full vocabulary admits an id only at its second
    event within the last `most_rows` strangers, so that ids that come once push nothing out.

    Attributes:
        hashes: (capacity,) uint64, `stable_hash` of the id of each row; 0 = the row is free.
    """

    def __init__(self, most_rows: int, *, doorkeeper: bool) -> None:
        self._most_rows = most_rows
        self._doorkeeper: dict[str, None] | None = {} if doorkeeper else None
        self._rows: dict[str, int] = {}
        self._ids: list[str | None] = []
        self._free: list[int] = []
        self.hashes: UInt64s = np.zeros(min(FIRST_CAPACITY, most_rows), np.uint64)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def capacity(self) -> int:
        """Rows that tables need to have; grows by doubling."""
        return len(self.hashes)

    @property
    def rows_used(self) -> int:
        """Rows up to the highest that was ever given."""
        return len(self._ids)

    @property
    def evict_rows(self) -> int:
        """How many rows to release at once: the cost of forgetting is spread over many admissions."""
        return max(1, self._most_rows // EVICT_SHARE)

    def assign(self, ids: Sequence[str]) -> tuple[Int32s, int]:
        """Rows of `ids[:stop]`, admitting new ones, and `stop`: where a row was due and none was free.

        A row is -1 where the doorkeeper did not admit the id.
        """
        try:
            return np.fromiter(map(self._rows.__getitem__, ids), np.int32, len(ids)), len(ids)
        except KeyError:
            return self._assign_in_order(ids)

    def _assign_in_order(self, ids: Sequence[str]) -> tuple[Int32s, int]:
        rows = np.empty(len(ids), np.int32)
        for index, identifier in enumerate(ids):
            row = self._rows.get(identifier)
            if row is None:
                if self._is_full() and not self._knocked_before(identifier):
                    row = ABSENT
                elif self._is_full():
                    return rows[:index], index
                else:
                    row = self._admit(identifier)
            rows[index] = row
        return rows, len(ids)

    def admit(self, ids: Sequence[str]) -> Int32s:
        """Rows of `ids`, of new ones only as long as there is room; -1 where none was left. Asks no doorkeeper."""
        rows = np.full(len(ids), ABSENT, np.int32)
        for index, identifier in enumerate(ids):
            row = self._rows.get(identifier)
            if row is None and not self._is_full():
                row = self._admit(identifier)
            rows[index] = ABSENT if row is None else row
        return rows

    def _is_full(self) -> bool:
        return not self._free and len(self._ids) == self._most_rows

    def _knocked_before(self, identifier: str) -> bool:
        if self._doorkeeper is None or identifier in self._doorkeeper:
            return True
        self._doorkeeper[identifier] = None
        if len(self._doorkeeper) > self._most_rows:
            del self._doorkeeper[next(iter(self._doorkeeper))]
        return False

    def _admit(self, identifier: str) -> int:
        if self._doorkeeper:
            self._doorkeeper.pop(identifier, None)
        if self._free:
            row = self._free.pop()
            self._ids[row] = identifier
        else:
            row = len(self._ids)
            self._ids.append(identifier)
            if row == self.capacity:
                self._grow()
        self._rows[identifier] = row
        self.hashes[row] = stable_hash(identifier)
        return row

    def _grow(self) -> None:
        hashes = np.zeros(min(2 * self.capacity, self._most_rows), np.uint64)
        hashes[: self.capacity] = self.hashes
        self.hashes = hashes

    def release(self, rows: Iterable[int]) -> list[str]:
        """Frees rows for other ids, and returns the ids that had them."""
        gone = []
        for row in rows:
            identifier = self._ids[row]
            if identifier is not None:
                del self._rows[identifier]
                self._ids[row] = None
                self.hashes[row] = 0
                self._free.append(int(row))
                gone.append(identifier)
        return gone

    def row(self, identifier: str) -> int:
        """The id's row, or -1; admits nothing."""
        return self._rows.get(identifier, ABSENT)

    def rows_of(self, ids: Sequence[str]) -> Int32s:
        """The rows of several ids; admits nobody."""
        return np.fromiter(map(self.row, ids), np.int32, len(ids))

    def id_of(self, row: int) -> str:
        """The id of a row in use."""
        identifier = self._ids[row]
        if identifier is None:
            raise KeyError(f"row {row} belongs to nobody")
        return identifier

    def holder(self, row: int) -> str | None:
        """The id that has the row, if any."""
        return self._ids[row] if row < len(self._ids) else None

    def ids_of(self, rows: Sequence[int]) -> list[str]:
        """The ids of rows in use; negative rows, the ends of short lists, are passed over."""
        return [self.id_of(row) for row in rows if row >= 0]

    def rows_in_use(self) -> Int32s:
        """Rows that belong to an id, ascending."""
        return np.array([row for row, identifier in enumerate(self._ids) if identifier is not None], np.int32)

    def items(self) -> Iterable[tuple[str, int]]:
        """(id, row) of all that are known."""
        return self._rows.items()

    def size_bytes(self) -> int:
        """Memory of ids, rows, hashes and doorkeeper, as Python counts it."""
        knocked = self._doorkeeper or {}
        texts = sum(sys.getsizeof(identifier) for known in (self._rows, knocked) for identifier in known)
        tables = sum(map(sys.getsizeof, (self._rows, self._ids, self._free, knocked)))
        return texts + tables + _ROW_NUMBER_BYTES * len(self._rows) + self.hashes.nbytes

    def dump(self) -> tuple[list[str], list[int], list[str]]:
        """Ids in row order ("" = free row), the free rows in order of reuse, and who knocked at the door."""
        return [identifier or "" for identifier in self._ids], list(self._free), list(self._doorkeeper or ())

    def restore(self, ids: Sequence[str], free: Sequence[int], knocked: Sequence[str]) -> None:
        """Takes over what `dump` gave. Raises ValueError when it is none, or does not fit into the bound."""
        if len(ids) > self._most_rows:
            raise ValueError(f"{len(ids)} rows do not fit into a bound of {self._most_rows}")
        unused = set(free)
        rows = {identifier: row for row, identifier in enumerate(ids) if row not in unused}
        if len(rows) + len(free) != len(ids) or not unused <= set(range(len(ids))):
            raise ValueError("a vocabulary has each id once and each free row once")
        self._ids = [None if row in unused else identifier for row, identifier in enumerate(ids)]
        self._rows = rows
        self._free = list(free)
        if self._doorkeeper is not None:
            self._doorkeeper = dict.fromkeys(knocked[-self._most_rows :])
        while self.capacity < len(ids):
            self._grow()
        self.hashes[:] = 0
        self.hashes[list(self._rows.values())] = stable_hashes(list(self._rows))
