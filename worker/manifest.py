"""Manifests: what a snapshot consists of. Each names one consistent cut; a worker's are a numbered log."""

from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec
import structlog

from worker.errors import SnapshotError
from worker.ports import ManifestName, SnapshotStore

FORMAT = 5
REMEDY = "restore the snapshot folder, or empty it to learn from the beginning of the topic"

Partition = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]
Epoch = Annotated[int, msgspec.Meta(ge=0, lt=99_999_999)]  # of eight digits, as the one after it: see `position_text`
Offset = Annotated[int, msgspec.Meta(ge=0, lt=10**15)]

log = structlog.get_logger(__name__)


class PartitionEntry(msgspec.Struct, frozen=True):
    """A partition in a manifest.

    Attributes:
        epoch: number of the ownership under which it was written.
        next_offset: the first record that is not in it.
        blob: its users, its cleaner's memory and who is out of date; "" = nothing was learned yet.
        lists_mark: of the store that its lists were published to; "" = none were.
        topic_id: of the topic that `next_offset` lies in; "" = not known.
    """

    epoch: Epoch
    next_offset: Offset
    blob: str
    lists_mark: str = ""
    topic_id: str = ""


class Manifest(msgspec.Struct, frozen=True):
    """One consistent cut.

    Attributes:
        knowledge: blob of what was learned of items; "" = nothing yet.
        partitions: those that the worker owned.
        released: those that it gave up, kept until a higher epoch stands elsewhere.
        sealed_by: who ended the log here, and took its partitions over; such a manifest holds nothing else.
    """

    format: int
    knowledge: str
    partitions: dict[Partition, PartitionEntry]
    released: dict[Partition, PartitionEntry]
    created_ms: int
    sealed_by: str = ""

    def entries(self) -> dict[int, PartitionEntry]:
        """Owned and released partitions."""
        return {**self.released, **self.partitions}

    def blobs(self) -> set[str]:
        """All blobs that it names."""
        return {self.knowledge, *(entry.blob for entry in self.entries().values())} - {""}


class _Format(msgspec.Struct, frozen=True):
    format: int


Manifests = Sequence[tuple[ManifestName, Manifest]]


def read_manifests(store: SnapshotStore) -> list[tuple[ManifestName, Manifest]]:
    """All manifests of all workers; what is damaged or gone is passed over. Raises SnapshotError for another format."""
    found = []
    for name in store.manifests():
        try:
            content = store.read_manifest(name)
        except SnapshotError as error:
            log.warning("a manifest cannot be read and is passed over", manifest=str(name), error=str(error))
            continue
        if manifest := decode_manifest(name, content):
            found.append((name, manifest))
    return found


def decode_manifest(name: ManifestName, content: bytes) -> Manifest | None:
    """None = it is damaged. Raises SnapshotError when it has another format."""
    try:
        written = msgspec.json.decode(content, type=_Format).format
        if written == FORMAT:
            return msgspec.json.decode(content, type=Manifest)
    except (ValueError, RecursionError) as error:  # of msgspec, of UTF-8, of what is nested without end
        log.warning("a manifest is damaged and passed over", manifest=str(name), error=str(error))
        return None
    raise SnapshotError(
        f"manifest {name.sequence} of {name.instance} has format {written}, this version reads {FORMAT}",
        "use the version of millrace that wrote it, or another snapshot folder",
    )


def highest_epochs(manifests: Iterable[tuple[ManifestName, Manifest]]) -> dict[int, int]:
    """The highest epoch of each partition."""
    highest: dict[int, int] = {}
    for _, manifest in manifests:
        for number, entry in manifest.entries().items():
            highest[number] = max(highest.get(number, 0), entry.epoch)
    return highest
