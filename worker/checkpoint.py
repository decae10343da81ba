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

import msgspec
import numpy as np
import numpy.typing as npt
import structlog
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from models.recommender import Recommender
from worker.errors import SnapshotError
from worker.partition import OwnedPartition, new_partition
from worker.ports import ManifestName, SnapshotStore
from worker.settings import CleanSettings
from worker.steps.clean import Cleaner

FORMAT = 1

log = structlog.get_logger(__name__)


class PartitionEntry(msgspec.Struct, frozen=True):
    """A partition in a manifest. `blob` holds its users and its cleaner's memory; "" = nothing was learned yet."""

    epoch: int
    next_offset: int
    blob: str


class Manifest(msgspec.Struct, frozen=True):
    """One consistent cut.

    Attributes:
        knowledge: blob of what was learned of items; "" = nothing yet.
        partitions: those that the worker owned.
        released: those that it gave up, kept until a higher epoch stands elsewhere.
    """

    format: int
    knowledge: str
    partitions: dict[int, PartitionEntry]
    released: dict[int, PartitionEntry]
    created_ms: int

    def entries(self) -> dict[int, PartitionEntry]:
        """Owned and released partitions."""
        return {**self.released, **self.partitions}

    def blobs(self) -> set[str]:
        """All blobs that it names."""
        return {self.knowledge, *(entry.blob for entry in self.entries().values())} - {""}


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
        self._keep = keep
        self._own = [name for name in store.manifests() if name.instance == instance]
        self._released: dict[int, PartitionEntry] = {}
        self._taken_blobs: dict[int, str] = {}
        self._latest: Manifest | None = None

    # -- reading ----------------------------------------------------------------------------------------------

    def restore_knowledge(self) -> bool:
        """Loads what was learned of items: our own newest, else the newest of any worker. False = there is none.

        Raises SnapshotError when snapshots exist but none of them can be used.
        """
        everyone = [(name, manifest) for name, manifest in self._readable() if manifest.knowledge]
        everyone.sort(key=lambda each: (each[0].instance == self._instance, each[1].created_ms, each[0].sequence))
        while everyone:
            name, manifest = everyone.pop()
            try:
                self._recommender.load(load_arrays(self._store.read_blob(manifest.knowledge)))
            except (SnapshotError, ValueError, KeyError) as error:
                failure = SnapshotError(f"snapshot {name} cannot be used: {error}", "remove it, or restore the folder")
                if not everyone:
                    raise failure from error
                continue
            if name.instance == self._instance:
                self._latest = manifest
                self._released = manifest.entries()
            return True
        return False

    def take(self, partition: int) -> tuple[OwnedPartition, bool]:
        """The partition as its last owner left it, under a higher epoch; False = nobody had it before.

        Our own state of it is that of the snapshot whose knowledge was restored, so that both are of one cut.
        """
        found = [(entry, manifest) for _, manifest in self._readable() if (entry := manifest.entries().get(partition))]
        if not found:
            return new_partition(partition, self._recommender, Cleaner(self._clean)), False
        highest = max(entry.epoch for entry, _ in found)
        mine = self._latest.entries().get(partition) if self._latest else None
        entry = (
            mine
            if mine and mine.epoch == highest
            else max((entry for entry, _ in found if entry.epoch == highest), key=lambda each: each.next_offset)
        )
        self._released.pop(partition, None)
        self._taken_blobs[partition] = entry.blob
        return self._load_partition(partition, entry, highest + 1), True

    def _load_partition(self, partition: int, entry: PartitionEntry, epoch: int) -> OwnedPartition:
        owned = new_partition(partition, self._recommender, Cleaner(self._clean))
        owned.epoch, owned.next_offset = epoch, entry.next_offset
        if entry.blob:
            arrays = load_arrays(self._store.read_blob(entry.blob))
            self._recommender.drop_shard(owned.shard)
            try:
                owned.shard = self._recommender.load_shard(_part(arrays, "shard."))
                owned.cleaner.load_state(_part(arrays, "cleaner."))
            except (ValueError, KeyError) as error:
                raise SnapshotError(
                    f"the snapshot of partition {partition} cannot be used: {error}",
                    "check memory.max_users and memory.max_items, or remove the snapshot",
                ) from error
        return owned

    def _readable(self) -> list[tuple[ManifestName, Manifest]]:
        """All manifests that this code reads, of all workers; a damaged one is passed over."""
        manifests = []
        for name in self._store.manifests():
            try:
                manifest = msgspec.json.decode(self._store.read_manifest(name), type=Manifest)
            except (msgspec.DecodeError, SnapshotError) as error:
                log.warning("a manifest is damaged and passed over", manifest=str(name), error=str(error))
                continue
            if manifest.format != FORMAT:
                raise SnapshotError(
                    f"manifest {name} has format {manifest.format}, this version reads {FORMAT}",
                    "use the version of millrace that wrote it, or another snapshot folder",
                )
            manifests.append((name, manifest))
        return manifests

    # -- writing ----------------------------------------------------------------------------------------------

    def claim(self, taken: Sequence[OwnedPartition], now_ms: int) -> None:
        """Makes the new epochs durable before anything is learned under them; no blob is written.

        What else we own stays as the last manifest has it: only a checkpoint moves positions.
        """
        knowledge, owned = (self._latest.knowledge, self._latest.partitions) if self._latest else ("", {})
        entries = {
            each.number: PartitionEntry(each.epoch, each.next_offset, self._taken_blobs.pop(each.number, ""))
            for each in taken
        }
        self._create(Manifest(FORMAT, knowledge, {**owned, **entries}, dict(self._released), now_ms))

    def write(self, partitions: Sequence[OwnedPartition], now_ms: int, releasing: Sequence[int] = ()) -> Written:
        """C2, C3 and C5. Raises SnapshotError when it cannot be written, OwnershipLost when we were replaced."""
        contents = [_knowledge_blob(self._recommender), *(self._partition_blob(each) for each in partitions)]
        knowledge, *blobs = (self._store.write_blob(content) for content in contents)
        entries = {
            each.number: PartitionEntry(each.epoch, each.next_offset, blob)
            for each, blob in zip(partitions, blobs, strict=True)
        }
        self._released |= {number: entries.pop(number) for number in releasing}
        self._create(Manifest(FORMAT, knowledge, entries, dict(self._released), now_ms))
        self._drop_old()
        offsets = {each.number: each.next_offset for each in partitions}
        return Written(sum(map(len, contents)), offsets)

    def _partition_blob(self, partition: OwnedPartition) -> bytes:
        shard = self._recommender.dump_shard(partition.shard)
        return _blob(_named(shard, "shard.") | _named(partition.cleaner.state(), "cleaner."))

    def _create(self, manifest: Manifest) -> None:
        name = ManifestName(self._instance, self._own[-1].sequence + 1 if self._own else 1)
        self._store.create_manifest(name, msgspec.json.encode(manifest))
        self._own.append(name)
        self._latest = manifest

    def _drop_old(self) -> None:
        old, self._own = self._own[: -self._keep], self._own[-self._keep :]
        if not old:
            return
        gone: set[str] = set()
        named_by = dict(self._readable())
        for name in old:
            gone |= named_by[name].blobs() if name in named_by else set()
        self._store.drop(old, [])
        still_named = set().union(*(manifest.blobs() for _, manifest in self._readable()))
        self._store.drop([], sorted(gone - still_named))


def _knowledge_blob(recommender: Recommender) -> bytes:
    return _blob(recommender.dump())


def _blob(arrays: Mapping[str, npt.NDArray[np.generic]]) -> bytes:
    return save_arrays({name: np.ascontiguousarray(array) for name, array in arrays.items()})


def _named(arrays: Mapping[str, npt.NDArray[np.generic]], prefix: str) -> dict[str, npt.NDArray[np.generic]]:
    return {prefix + name: array for name, array in arrays.items()}


def _part(arrays: Mapping[str, npt.NDArray[np.generic]], prefix: str) -> dict[str, npt.NDArray[np.generic]]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
