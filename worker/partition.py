"""A partition that this worker owns: its users, what cleaning remembers, and how far it was read."""

from dataclasses import dataclass, field

import numpy as np

from models.batch import Int32s, UInt64s
from models.learned import Learned
from models.recommender import Recommender
from models.shard import ProfileShard
from worker.events import position_text
from worker.ports import Record
from worker.refresh import DirtyUsers
from worker.steps.clean import Cleaner
from worker.steps.columns import Cleaned


@dataclass(slots=True)
class OwnedPartition:
    """State of one partition.

    Attributes:
        epoch: number of this ownership; higher than that of any owner before.
        next_offset: the first record that was not processed.
        newest_record_ms: time of the last record processed, UTC ms; 0 = none yet.
        revision: rounds of ranking since `next_offset` moved.
        restored_from: the blob that it was taken over with; "" = nothing was known.
        lists_mark: mark of the store that its lists were published to; "" = none were.
        topic_id: of the topic that `next_offset` lies in; "" = not known.
    """

    number: int
    epoch: int
    next_offset: int
    shard: ProfileShard
    cleaner: Cleaner
    dirty: DirtyUsers = field(default_factory=DirtyUsers)
    newest_record_ms: int = 0
    revision: int = 0
    restored_from: str = ""
    lists_mark: str = ""
    topic_id: str = ""

    @property
    def position(self) -> str:
        """The position that a list made now carries."""
        return position_text(self.epoch, self.next_offset, self.revision)

    def advance(self, last: Record) -> None:
        """All records up to and with `last` are processed."""
        self.next_offset = last.offset + 1
        self.newest_record_ms = last.timestamp
        self.revision = 0

    def note(self, cleaned: Cleaned, learned: Learned, now_ms: int) -> None:
        """Marks the users dirty of whom a batch has taught something, good or bad."""
        times_ms = np.where(cleaned.record_times_ms >= 0, cleaned.record_times_ms, now_ms)
        users = np.where(cleaned.batch.weights != 0, learned.users, np.int32(-1))
        self.dirty.mark(users, times_ms, self.shard.users.capacity)
        if learned.forgotten_users:
            self.dirty.forget_all_but(self.shard.users.rows_in_use())

    def mark_lists_with(self, item_rows: Int32s, explored: UInt64s, now_ms: int) -> None:
        """The published lists that show any of these items, or of these hashes as a new item, are wrong."""
        rows = self.shard.users_with(item_rows, explored)
        self.dirty.mark_rows(rows, now_ms, self.shard.users.capacity)


def new_partition(number: int, recommender: Recommender, cleaner: Cleaner) -> OwnedPartition:
    """A partition of which nothing is known."""
    return OwnedPartition(number, 1, 0, recommender.new_shard(), cleaner)
