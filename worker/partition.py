"""A partition that this worker owns: its users, what cleaning remembers, and how far it was read."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from models.batch import Int32s, UInt64s
from models.forgetting import forget_user
from models.learned import Learned
from models.recommender import Recommender
from models.shard import ProfileShard
from worker.erasure import Erased
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
        erased: which requests to forget users were fulfilled in this state.
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
    erased: Erased = field(default_factory=Erased)

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

    def mark_lists_with(self, item_rows: Int32s, explored: UInt64s, now_ms: int, *, noted_whole: bool = True) -> None:
        """The published lists that show any of these items, or of these hashes as a new item, are wrong; they go first.

        So may all be that are longer than what is noted of them, unless they are `noted_whole`.
        """
        rows = self.shard.users_with(item_rows, explored, noted_whole=noted_whole)
        self.dirty.mark_urgent(rows, now_ms, self.shard.users.capacity)

    def mark_users(self, user_ids: Iterable[str], now_ms: int) -> None:
        """The lists of these users, as far as they are here, are wrong."""
        known = [row for row in map(self.shard.users.row, user_ids) if row >= 0]
        self.dirty.mark_urgent(np.array(known, np.int64), now_ms, self.shard.users.capacity)

    def forget_user(self, recommender: Recommender, user_id: str) -> None:
        """Forgets all that tells of a user, who may be here or may have been."""
        row = self.shard.users.row(user_id)
        if row >= 0:
            self.dirty.forget(row)
        forget_user(recommender.knowledge, recommender.vocabulary.hashes, self.shard, user_id)


def new_partition(number: int, recommender: Recommender, cleaner: Cleaner) -> OwnedPartition:
    """A partition of which nothing is known."""
    return OwnedPartition(number, 1, 0, recommender.new_shard(), cleaner)
