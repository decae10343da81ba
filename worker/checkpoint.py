"""Checkpoints: one consistent cut of knowledge, users and positions; and how a worker finds its way back.

The order of the steps is the guarantee (docs/delivery.md uses the same numbers):
  C1  finish: the batch in hand is learned, publications and dead letters are acknowledged
  C2  write the blobs
  C3  create the next manifest: from here on it is the truth
  C4  commit its offsets to Kafka, for lag tools and to notice that we were fenced
  C5  drop the manifests beyond the last n, then the blobs that only they named
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import structlog
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from models.recommender import Recommender
from worker.errors import SnapshotError
from worker.manifest import FORMAT, Manifest, PartitionEntry, highest_epochs, read_manifests
from worker.partition import OwnedPartition, new_partition
from worker.ports import ManifestName, SnapshotStore
from worker.refresh import DirtyUsers
from worker.retention import Retention
from worker.settings import CleanSettings
from worker.steps.clean import Cleaner

Arrays = Mapping[str, npt.NDArray[Any]]

REMEDY = "restore the snapshot folder, or empty it to learn from the beginning of the topic"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Written:
    """A checkpoint that stands."""

    size_bytes: int
    next_offsets: dict[int, int]


class Checkpointer:
    """Writes and reads the snapshots of one worker; steps C2, C3 and C5 are here, C1 and C4 are the loop's."""

    def __init__(
        self, store: SnapshotStore, recommender: Recommender, clean: CleanSettings, instance: str, keep: int
    ) -> None:
        self._store = store
        self._recommender = recommender
        self._clean = clean
        self._instance = instance
        self._retention = Retention(store, instance, keep)
        self._sequence = max((name.sequence for name in store.manifests() if name.instance == instance), default=0)
        self._latest = Manifest(FORMAT, "", {}, {}, 0)  # what our next manifest carries on from
        self._passed_over: set[ManifestName] = set()  # newer than what was restored, but not whole
        self._taken_blobs: dict[int, str] = {}

    # -- reading ----------------------------------------------------------------------------------------------

    def restore_knowledge(self) -> bool:
        """Loads what was learned of items: our newest snapshot that is whole, else any worker's. False = none is there.

        Raises SnapshotError when there are snapshots, but none can be used.
        """
        cuts = read_manifests(self._store)
        unreadable = len(cuts) < len(self._store.manifests())
        self._latest = next((each for name, each in reversed(cuts) if name.instance == self._instance), self._latest)
        cuts.sort(key=lambda each: (each[1].knowledge != "", *self._preference(*each)))
        while cuts:
            name, manifest = cuts.pop()
            if not self._is_whole(name, manifest):
                self._passed_over.add(name)
            elif manifest.knowledge or not (unreadable or self._passed_over):
                self._go_on_from(name, manifest)
                return manifest.knowledge != ""
        if unreadable or self._passed_over:
            raise SnapshotError("there are snapshots, but none of them is whole", REMEDY)
        return False

    def _preference(self, name: ManifestName, manifest: Manifest) -> tuple[bool, int, int]:
        return name.instance == self._instance, manifest.created_ms, name.sequence

    def _is_whole(self, name: ManifestName, manifest: Manifest) -> bool:
        try:
            for blob in manifest.blobs():
                self._store.read_blob(blob)
        except SnapshotError as error:
            log.warning("a snapshot is damaged, the one before is tried", manifest=str(name), error=str(error))
            return False
        return True

    def _go_on_from(self, name: ManifestName, manifest: Manifest) -> None:
        if manifest.knowledge:
            try:
                self._recommender.load(self._arrays(manifest.knowledge))
            except (ValueError, KeyError) as error:
                raise _does_not_fit(f"snapshot {name.sequence} of {name.instance}", error) from error
        ours = manifest if name.instance == self._instance else self._latest
        self._latest = Manifest(FORMAT, manifest.knowledge, {}, ours.entries(), manifest.created_ms)

    def take(self, partition: int) -> tuple[OwnedPartition, bool]:
        """The partition as its last owner left it, under a higher epoch; False = nobody had it before.

        Ours comes from the snapshot whose knowledge was restored, so that both are of one cut.
        Raises SnapshotError when somebody had it, but nothing of that can be used.
        """
        found = [
            (name, manifest.entries()[partition])
            for name, manifest in read_manifests(self._store)
            if partition in manifest.entries()
        ]
        if not found:
            return new_partition(partition, self._recommender, Cleaner(self._clean)), False
        found.sort(key=lambda each: (each[0] not in self._passed_over, each[1].epoch, each[1].next_offset))
        entry, arrays = self._first_whole(partition, [entry for _, entry in reversed(found)])
        self._taken_blobs[partition] = entry.blob
        epoch = 1 + max(entry.epoch for _, entry in found)
        return self._owned(partition, epoch, entry.next_offset, arrays), True

    def _first_whole(self, partition: int, entries: Sequence[PartitionEntry]) -> tuple[PartitionEntry, Arrays]:
        for entry in entries:
            try:
                return entry, self._arrays(entry.blob)
            except SnapshotError as error:
                log.warning("a partition's snapshot is damaged", partition=partition, error=str(error))
        raise SnapshotError(f"no snapshot of partition {partition} can be read", REMEDY)

    def _owned(self, partition: int, epoch: int, next_offset: int, arrays: Arrays) -> OwnedPartition:
        cleaner, dirty = Cleaner(self._clean), DirtyUsers()
        if not arrays:
            return OwnedPartition(partition, epoch, next_offset, self._recommender.new_shard(), cleaner)
        try:
            cleaner.load_state(_part(arrays, "cleaner."))
            shard = self._recommender.load_shard(_part(arrays, "shard."))
            dirty.load_state(_part(arrays, "dirty."), shard.users.capacity)
        except (ValueError, KeyError) as error:
            raise _does_not_fit(f"the snapshot of partition {partition}", error) from error
        return OwnedPartition(partition, epoch, next_offset, shard, cleaner, dirty)

    def _arrays(self, blob: str) -> Arrays:
        """What a blob holds; nothing for "". Raises SnapshotError."""
        try:
            return load_arrays(self._store.read_blob(blob)) if blob else {}
        except SafetensorError as error:
            raise SnapshotError(f"the blob {blob} holds no arrays: {error}", REMEDY) from error

    # -- writing ----------------------------------------------------------------------------------------------

    def claim(self, taken: Sequence[OwnedPartition], now_ms: int) -> None:
        """Makes the new epochs durable before anything is learned under them; no blob is written.

        What else we own stays as the last manifest has it: only a checkpoint moves positions.
        Raises SnapshotError when it cannot be written, OwnershipLost when we were replaced.
        """
        entries = {
            each.number: PartitionEntry(each.epoch, each.next_offset, self._taken_blobs.get(each.number, ""))
            for each in taken
        }
        self._create(self._latest.knowledge, {**self._latest.partitions, **entries}, {}, now_ms)

    def write(self, partitions: Sequence[OwnedPartition], now_ms: int, releasing: Sequence[int] = ()) -> Written:
        """C2 and C3. Raises SnapshotError when it cannot be written, OwnershipLost when we were replaced."""
        contents = [_blob(self._recommender.dump()), *map(self._content, partitions)]
        knowledge, *blobs = map(self._store.write_blob, contents)
        entries = {
            each.number: PartitionEntry(each.epoch, each.next_offset, blob)
            for each, blob in zip(partitions, blobs, strict=True)
        }
        released = {number: entries.pop(number) for number in releasing}
        self._create(knowledge, entries, released, now_ms)
        return Written(sum(map(len, contents)), {each.number: each.next_offset for each in partitions})

    def drop_old(self, now_ms: int) -> None:
        """C5. Raises SnapshotError; what stays behind is dropped the next time."""
        kept = self._retention.drop_old(now_ms)
        elsewhere = highest_epochs((name, each) for name, each in kept if name.instance != self._instance)
        released = {n: each for n, each in self._latest.released.items() if each.epoch >= elsewhere.get(n, 0)}
        self._latest = msgspec.structs.replace(self._latest, released=released)

    def _content(self, partition: OwnedPartition) -> bytes:
        shard = self._recommender.dump_shard(partition.shard)
        cleaner, dirty = partition.cleaner.state(), partition.dirty.state()
        return _blob(_named(shard, "shard.") | _named(cleaner, "cleaner.") | _named(dirty, "dirty."))

    def _create(
        self,
        knowledge: str,
        partitions: dict[int, PartitionEntry],
        released: dict[int, PartitionEntry],
        now_ms: int,
    ) -> None:
        """The next manifest: what we own, and what we once had and nobody is known to have taken over."""
        before = {n: entry for n, entry in self._latest.entries().items() if n not in partitions}
        manifest = Manifest(FORMAT, knowledge, partitions, before | released, now_ms)
        self._store.create_manifest(ManifestName(self._instance, self._sequence + 1), msgspec.json.encode(manifest))
        self._sequence += 1
        self._latest = manifest


def _does_not_fit(what: str, error: Exception) -> SnapshotError:
    return SnapshotError(
        f"{what} cannot be used: {error}",
        "give memory.users_bytes and memory.items_bytes as much as when it was written and kafka.partitions the same "
        "number, or empty the snapshot folder",
    )


def _blob(arrays: Arrays) -> bytes:
    return save_arrays({name: np.ascontiguousarray(array) for name, array in arrays.items()})


def _named(arrays: Arrays, prefix: str) -> dict[str, npt.NDArray[Any]]:
    return {prefix + name: array for name, array in arrays.items()}


def _part(arrays: Arrays, prefix: str) -> dict[str, npt.NDArray[Any]]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
