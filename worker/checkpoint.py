"""Checkpoints: one consistent cut of knowledge, users and positions.

The order of the steps is the guarantee (docs/delivery.md uses the same numbers):
  C1  finish: the batch in hand is learned, publications and dead letters are acknowledged; copy the state
  C2  write the blobs, beside the loop
  C3  create the next manifest: from here on it is the truth
  C4  commit its offsets to Kafka, for lag tools and to notice that we were fenced
  C5  drop the manifests beyond the last n, then the blobs that only they named
"""

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass

import msgspec

from models.recommender import Recommender
from worker.contents import Arrays, encoded, partition_arrays
from worker.erasure import Fulfilled
from worker.errors import SnapshotError
from worker.manifest import Manifests, PartitionEntry, highest_epochs
from worker.manifest_log import ManifestLog
from worker.partition import OwnedPartition
from worker.ports import Clock, SnapshotStore
from worker.retention import ABANDONED_SECONDS, Retention

Due = dict[int, dict[int, Fulfilled]]  # by partition, what `Erased.due` says of the state


@dataclass(frozen=True, slots=True)
class Written:
    """A checkpoint that stands."""

    size_bytes: int
    next_offsets: dict[int, int]
    due: Due
    older: frozenset[str]


@dataclass(frozen=True, slots=True)
class Blobs:
    """What C2 has written: names and sizes, the knowledge's first, then the partitions'; and which blobs are older."""

    names: Sequence[str]
    size_bytes: int
    older: frozenset[str]


@dataclass(frozen=True, slots=True)
class Cut:
    """A checkpoint under way: whose state was copied, as of when, and the blobs that come of it."""

    partitions: dict[int, PartitionEntry]  # their blobs are not named yet
    due: Due
    blobs: Future[Blobs]


class Checkpointer:
    """Writes the snapshots of one worker: the copies of C1, then C2, C3 and C5; `checkpointing.py` runs the steps."""

    def __init__(
        self,
        store: SnapshotStore,
        recommender: Recommender,
        manifest_log: ManifestLog,
        background: Executor,
        keep: int,
        purge_seconds: float = ABANDONED_SECONDS,
    ) -> None:
        """Blobs that were begun and never named are purged after so long (see `Retention`)."""
        self._store = store
        self._recommender = recommender
        self._log = manifest_log
        self._background = background
        self._retention = Retention(store, manifest_log.instance, keep, purge_seconds)
        self._given_up: list[Future[Blobs]] = []

    def claim(self, taken: Sequence[OwnedPartition], now_ms: int) -> None:
        """Makes the new epochs durable before anything is learned under them; no blob is written.

        What else we own stays as the last manifest has it: only a checkpoint moves positions.
        Raises SnapshotError when it cannot be written, OwnershipLost when we were replaced.
        """
        latest = self._log.latest
        entries = {each.number: _entry(each, each.restored_from) for each in taken}
        self._log.append(latest.knowledge, {**latest.partitions, **entries}, {}, now_ms)
        self._log.verify_sole(entries)

    def begin(self, partitions: Sequence[OwnedPartition]) -> Cut:
        """Copies the state, and has C2 done in the background."""
        copies = [self._recommender.dump(), *(partition_arrays(self._recommender, each) for each in partitions)]
        entries = {each.number: _entry(each, "") for each in partitions}
        due = {each.number: each.erased.due() for each in partitions}
        return Cut(entries, due, self._background.submit(self._write_blobs, copies, notes_older=any(due.values())))

    def give_up(self, cut: Cut) -> None:
        """It would be wrong by now; its blobs are dropped once they are written."""
        self._given_up.append(cut.blobs)

    def _write_blobs(self, copies: list[Arrays], *, notes_older: bool) -> Blobs:
        """C2. Raises SnapshotError. Each copy is let go once it is written, so that memory holds one blob at a time."""
        names, size_bytes = [], 0
        older = frozenset(self._store.blobs()) if notes_older else frozenset[str]()
        while copies:
            content = encoded(copies.pop(0))
            names.append(self._store.write_blob(content))
            size_bytes += len(content)
        return Blobs(names, size_bytes, older)

    def finish(
        self, cut: Cut, now_ms: int, releasing: Sequence[int] = (), within_seconds: float | None = None
    ) -> Written:
        """C3, as soon as C2 is done. Partitions in `releasing` are given up by it.

        Raises SnapshotError when it was not written in time, OwnershipLost when we were replaced.
        """
        try:
            blobs = cut.blobs.result(within_seconds)
        except TimeoutError as error:
            raise SnapshotError(
                f"the snapshot was not written within {within_seconds:g} s",
                "use a faster store, or raise kafka.session_timeout_seconds and run.drain_seconds",
            ) from error
        knowledge, *names = blobs.names
        entries = {
            number: msgspec.structs.replace(entry, blob=name)
            for (number, entry), name in zip(cut.partitions.items(), names, strict=True)
        }
        released = {number: entries.pop(number) for number in releasing}
        self._log.append(knowledge, entries, released, now_ms)
        next_offsets = {number: entry.next_offset for number, entry in cut.partitions.items()}
        return Written(blobs.size_bytes, next_offsets, cut.due, blobs.older)

    def drop_old(self, clock: Clock) -> None:
        """C5. Raises ServiceUnavailable, SnapshotError; what stays behind is dropped the next time."""
        self._trim(self._retention.drop_old(clock, self._take_given_up()))

    def purge(self, clock: Clock, older: frozenset[str] = frozenset()) -> set[int]:
        """C5, so that nothing older than our last manifest is left of our log; no more, unless this process wrote it.

        Returns our partitions of which, in no worker's snapshots, anything older is left; none, as long as there are
        blobs that are `older` and that nobody names. Raises as `drop_old` does, and as `ManifestLog.append` does.
        """
        self._trim(self._retention.drop_old(clock, self._take_given_up()))
        if not self._log.is_last():
            return set()
        if self._log.has_more:
            self._log.append(self._log.latest.knowledge, self._log.latest.partitions, {}, clock.now_ms())
        kept = self._retention.drop_old(clock, purge_below=self._log.sequence)
        if older & self._retention.unnamed():
            return set()
        return {n for n, entry in self._log.latest.partitions.items() if _blobs_of(n, kept) <= {entry.blob, ""}}

    def _trim(self, kept: Manifests) -> None:
        """Lets go of what we released and others have by now."""
        elsewhere = highest_epochs((name, each) for name, each in kept if name.instance != self._log.instance)
        latest = self._log.latest
        released = {n: each for n, each in latest.released.items() if each.epoch >= elsewhere.get(n, 0)}
        self._log.latest = msgspec.structs.replace(latest, released=released)

    def _take_given_up(self) -> list[str]:
        """Names of the blobs that were given up and are written by now."""
        written = [each for each in self._given_up if each.done()]
        self._given_up = [each for each in self._given_up if not each.done()]
        return [name for each in written if not each.exception() for name in each.result().names]

    def close(self) -> None:
        """What is being written is finished, and named by nobody."""
        self._background.shutdown(wait=False, cancel_futures=True)


def _blobs_of(partition: int, manifests: Manifests) -> set[str]:
    return {each.entries()[partition].blob for _, each in manifests if partition in each.entries()}


def _entry(partition: OwnedPartition, blob: str) -> PartitionEntry:
    return PartitionEntry(partition.epoch, partition.next_offset, blob, partition.lists_mark, partition.topic_id)
