"""Refill: when the store of lists was emptied, every user's list is published again, after those of whoever moves."""

from collections.abc import Sequence

import numpy as np

from models.batch import Int32s
from worker.partition import OwnedPartition
from worker.ports import ListSink


class Refill:
    """Compares the mark of the store that a partition's lists were published to with the one that stands there now.

    The mark moves with the partition, so a store that was emptied, or exchanged, while nobody worked is noticed too.
    """

    def __init__(self) -> None:
        self._mark = ""
        self._left: dict[int, Int32s] = {}

    def seen(self, mark: str) -> None:
        """The store bears this mark now."""
        if mark != self._mark:
            self._mark = mark
            self._left.clear()

    def note_first(self, partition: OwnedPartition, lists: ListSink) -> None:
        """Before lists of the partition are published: from here on they can be lost. Raises ServiceUnavailable."""
        if not partition.lists_mark:
            self._mark = self._mark or lists.mark()
            partition.lists_mark = self._mark

    def begin(self, partition: OwnedPartition) -> None:
        """The partition came to us."""
        self._left.pop(partition.number, None)

    def mark_some(self, partitions: Sequence[OwnedPartition], users: int, now_ms: int) -> int:
        """Marks up to so many users dirty whose list was lost; returns how many."""
        lost = [each for each in partitions if self._mark and each.lists_mark != self._mark]
        marked = 0
        for partition in lost:
            marked += self._mark_some_of(partition, users - marked, now_ms)
        return marked

    def _mark_some_of(self, partition: OwnedPartition, users: int, now_ms: int) -> int:
        shard = partition.shard.users
        if partition.number not in self._left:
            self._left[partition.number] = self._all_of(partition)
        left = self._left[partition.number]
        if len(left) == 0:
            partition.lists_mark = self._mark  # only once the last of them are published: a restart begins again
            return 0
        chosen, self._left[partition.number] = left[:users], left[users:]
        chosen = chosen[shard.hashes[chosen] != 0]  # others were forgotten meanwhile
        partition.dirty.mark_rows(chosen.astype(np.int64), now_ms, shard.capacity)
        return len(chosen)

    def _all_of(self, partition: OwnedPartition) -> Int32s:
        """Nobody has a list of a partition that never published any."""
        return partition.shard.users.rows_in_use() if partition.lists_mark else np.zeros(0, np.int32)
