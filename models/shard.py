"""ProfileShard: the users of one partition. It moves with the partition, so a saved shard names items by id."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from models.batch import Int32s, Int64s, UInt64s
from models.item_rows import named_in, renamed
from models.profiles import NOBODY, PER_USER, Profiles
from models.seen import SeenFilter, check_segments, segments_within, with_room, words_used
from models.tables import copied, dump, first_rows, fitted, load, may_be_counts, row_axes, size_bytes
from models.vocabulary import Vocabulary

SEEN_BYTES_PER_USER = 144  # 48 pairs, if the users that fit are all there
GONE = -2  # a place whose item was forgotten; unlike -1 it does not end a list
ITEM_TABLES = {"items": NOBODY, "rejected": NOBODY, "published": GONE}  # and what stands for an item that is gone

PROFILE_AXES = row_axes(Profiles.empty)


class ProfileShard:
    """Users, their rows and their state.

    Attributes:
        users: ids of the users <-> rows.
        profiles: arrays by user row.
        seen: which of them has had which item.
    """

    def __init__(self, most_users: int) -> None:
        self.users = Vocabulary(most_users, doorkeeper=False)
        self.profiles = Profiles.empty(self.users.capacity)
        self.seen = SeenFilter.empty(segments_within(SEEN_BYTES_PER_USER * most_users))

    def make_room(self, events: int) -> None:
        """Lets the arrays follow the vocabulary, with room in the seen filter for `events` more pairs."""
        self.seen = with_room(self.seen, events)
        if len(self.profiles.events) < self.users.capacity:
            self.profiles = fitted(self.profiles, Profiles.empty(self.users.capacity))

    def forget_longest_away(self) -> list[str]:
        """Makes room in a full shard; returns the ids of the users who were away longest."""
        rows = self.users.rows_in_use()
        order = np.argsort(self.profiles.last_event[rows], kind="stable")[: self.users.evict_rows]
        return self.forget(rows[order])

    def last_items(self, row: int) -> Int32s:
        """(96,) item rows of a user's last events, newest first; -1 = none, or forgotten."""
        ring: Int32s = self.profiles.items[row]
        return np.roll(ring, -int(self.profiles.events[row]) % len(ring))[::-1].copy()

    def forget(self, rows: Int32s) -> list[str]:
        """Clears these users; returns their ids."""
        blank = Profiles.empty(1)
        for name in PER_USER:
            getattr(self.profiles, name)[rows] = getattr(blank, name)[0]
        return self.users.release(rows.tolist())

    def forget_items(self, rows: Int32s) -> None:
        """Blots out items whose rows go to others."""
        for own in (self.profiles.items, self.profiles.rejected):
            own[np.isin(own, rows)] = NOBODY
        self.profiles.published[np.isin(self.profiles.published, rows)] = GONE

    def set_published(self, users: Int32s, items: Int32s, explored: UInt64s | None = None) -> None:
        """Notes the lists that stand published: (m,) user rows, (m, k) item rows.

        `explored` (m,) holds the hashes of the new items at their ends, 0 = none.
        """
        places = min(items.shape[1], self.profiles.published.shape[1])
        self.profiles.published[users] = -1
        self.profiles.published[users, :places] = items[:, :places]
        self.profiles.explored[users] = 0 if explored is None else explored

    def published(self) -> Int32s:
        """The lists that stand published: (users, k) item rows, below 0 = no item. A view."""
        return self._in_use().published

    def users_with(self, items: Int32s, explored: UInt64s, *, noted_whole: bool = True) -> Int64s:
        """Rows of the users whose published list shows any of these items, or of these hashes as a new item.

        And of those whose list may, where it may be longer than what is noted: not `noted_whole`.
        """
        shows = np.isin(self.profiles.published, items).any(axis=1)
        if not noted_whole:
            shows |= self.profiles.published[:, -1] != -1
        if self.profiles.explored.any():
            shows |= np.isin(self.profiles.explored, explored)
        return np.flatnonzero(shows)

    def explored(self) -> UInt64s:
        """Hashes of all new items that published lists hold for exploration."""
        return np.unique(self.profiles.explored[self.profiles.explored != 0])

    def item_rows(self, rows: int) -> Int64s:
        """Which of so many item rows its tables name, ascending."""
        profiles = self._in_use()
        return named_in(tuple(getattr(profiles, name) for name in ITEM_TABLES), rows)

    def dump(self, numbers: Int32s) -> dict[str, npt.NDArray[Any]]:
        """Copies of the arrays of users in use; an item in row r is called `numbers[r]`."""
        profiles = self._in_use()
        tables = {f"profiles.{name}": renamed(getattr(profiles, name), numbers) for name in ITEM_TABLES}
        others = {name: each for name, each in dump(profiles, "profiles.").items() if name not in tables}
        seen = self.seen._replace(words=self.seen.words[: words_used(self.seen)])
        return copied(others) | tables | copied(dump(seen, "seen."))

    def load(self, arrays: Mapping[str, npt.NDArray[Any]], rows: Int32s) -> None:
        """Takes over what `dump` gave, after `users` was restored; item n gets row `rows[n]`, -1 = it is gone.

        Raises ValueError when it does not fit.
        """
        own = dict(arrays)
        for name, unknown in ITEM_TABLES.items():
            here = np.where(rows < 0, np.int32(unknown), rows)
            own[f"profiles.{name}"] = renamed(arrays[f"profiles.{name}"], here)
        self.profiles = load(Profiles.empty(self.users.capacity), own, "profiles.")
        self.seen = load(self._empty_filter(len(arrays["seen.words"])), arrays, "seen.")
        check_segments(self.seen)
        self._check_profiles()

    def _check_profiles(self) -> None:
        """Raises ValueError for what is no row and no count: kernels do not look."""
        if any(getattr(self.profiles, name).min(initial=GONE) < GONE for name in ITEM_TABLES):
            raise ValueError("a table of users names rows below those that stand for nobody")
        if not (may_be_counts(self.profiles.events) and may_be_counts(self.profiles.clock)):
            raise ValueError("a table of users counts below 0, or more than can be")

    def _in_use(self) -> Profiles:
        return first_rows(self.profiles, self.users.rows_used, PROFILE_AXES)

    def size_bytes(self) -> int:
        """Memory of users, profiles and seen filter."""
        return self.users.size_bytes() + size_bytes(self.profiles) + size_bytes(self.seen)

    def _empty_filter(self, words: int) -> SeenFilter:
        return SeenFilter.empty(len(self.seen.pairs))._replace(words=np.zeros(words, np.uint64))
