"""What the worker needs from the outside, named by duty. Adapters implement these; see `adapters/`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from worker.events import LAST_POSITION, RecommendationList, Rejection, SimilarItems


class Record(Protocol):
    """One record of the event topic, as the client library hands it over."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...  # UTC ms, set by the producer or the broker
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]] | None: ...


class EventSource(Protocol):
    """Partitions of the event topic, shared with the other workers of the group.

    A partition that was assigned stays silent until `begin` says where it starts. All methods are called from
    one thread; `on_revoked` may run on another one, but only while that thread is inside `poll`.
    """

    def open(self, on_revoked: Callable[[Sequence[int]], None]) -> None:
        """Joins the group. Raises ServiceUnavailable when no broker answers.

        `on_revoked` is called before partitions move to another worker: their state must be safe when it
        returns.
        """

    def poll(self, timeout_seconds: float, max_records: int) -> Mapping[int, Sequence[Record]]:
        """Records by partition, in order; empty while the broker is away. Raises OwnershipLost."""

    def joined(self) -> bool:
        """Whether the group has told us our share, be it nothing."""

    def take_assigned(self) -> list[int]:
        """Partitions assigned since the last call, which wait for `begin`."""

    def take_rejected(self) -> list[Rejection]:
        """Records since the last call that were skipped because not even their bytes could be read."""

    def topic_id(self) -> str:
        """Names the topic that is read: another one of the same name has another id; "" = the broker tells none."""

    def partitions(self) -> int:
        """How many the topic has, as far as is known here; 0 = nothing is known yet."""

    def begin(self, partition: int, offset: int | None) -> int:
        """Seeks to `offset` (None = the start of the log), lets the records flow, returns the offset.

        Raises PositionError when `offset` lies outside what the broker still holds.
        """

    def commit(self, next_offsets: Mapping[int, int]) -> None:
        """Tells the broker how far we are, for lag tools. Raises OwnershipLost when we were fenced."""

    def lag_records(self) -> Mapping[int, int]:
        """Records behind the end of the log, by partition, as of the last poll."""

    def close(self) -> None:
        """Leaves the group (a static member keeps its place)."""


class CompactedTopic(Protocol):
    """A topic that keeps the last value of each key, such as `items`, read whole by everyone."""

    def poll(self) -> Sequence[tuple[str, bytes | None]]:
        """New (key, value) pairs, without waiting; None = the key is gone."""

    def caught_up(self) -> bool:
        """Whether everything that stood in the topic at the start has been read."""

    def close(self) -> None: ...


class ListSink(Protocol):
    """Where lists are published and read back."""

    def publish(self, lists: Mapping[str, RecommendationList]) -> int:
        """Writes lists by user id, each only if newer than what stands there; returns how many were refused.

        Raises ServiceUnavailable; some of the lists may then have been written.
        """

    def publish_popular(self, popular: RecommendationList) -> None:
        """Writes the fallback list, without expiry. Raises ServiceUnavailable."""

    def publish_similar(self, records: Mapping[str, SimilarItems]) -> None:
        """Writes what goes with items, by item id, in place of what stands there. Raises ServiceUnavailable."""

    def read(self, user_id: str) -> RecommendationList | None:
        """The user's list, or None. Raises ServiceUnavailable."""

    def read_popular(self) -> RecommendationList | None:
        """The fallback list, or None. Raises ServiceUnavailable."""

    def read_similar(self, item_id: str) -> SimilarItems | None:
        """What goes with the item, or None. Raises ServiceUnavailable."""

    def remove(self, user_ids: Iterable[str], up_to: str = LAST_POSITION) -> None:
        """Takes the lists of these users away that are no newer than the position. Raises ServiceUnavailable."""

    def remove_similar(self, item_ids: Iterable[str]) -> None:
        """Takes away what goes with these items. Raises ServiceUnavailable."""

    def remove_popular(self) -> None:
        """Takes the fallback list and the mark away, if they are there. Raises ServiceUnavailable."""

    def mark(self) -> str:
        """A text that stays the same until all lists are lost; made where none is. Raises ServiceUnavailable."""

    def ping(self) -> None:
        """Raises ServiceUnavailable when the service does not answer."""

    def close(self) -> None: ...


class DeadLetters(Protocol):
    """Where rejected records wait for a person."""

    def send(self, rejections: Sequence[Rejection]) -> None:
        """Hands over without waiting."""

    def take_lost(self) -> int:
        """Rejections since the last call that could not be kept: the service is away, or too many wait."""

    def flush(self, timeout_seconds: float) -> None:
        """Waits until all that were taken are safe or lost. Raises ServiceUnavailable after the timeout."""

    def close(self) -> None: ...


class RecordSink(Protocol):
    """Where the worker leaves notes for others: receipts, and what a person should look at."""

    def send(self, topic: str, key: str, value: bytes | None) -> None:
        """Hands over without waiting; what cannot be taken now is lost, and told in the log."""

    def close(self) -> None:
        """Waits a moment for what is on its way."""


class RecordWriter(Protocol):
    """Where records go that others hand in."""

    async def write(self, topic: str, records: Sequence[tuple[str, bytes | None]]) -> None:
        """Writes (key, value) pairs, None = the key is gone, and returns once they are safe.

        Raises ServiceUnavailable when that is not known in time; some may be there, or come later, nevertheless.
        """

    def close(self) -> None: ...


class ListReader(Protocol):
    """Published lists, read without waiting for one another."""

    async def read(self, user_id: str) -> RecommendationList | None:
        """The user's list, or None. Raises ServiceUnavailable, StateError when something else stands there."""

    async def read_popular(self) -> RecommendationList | None:
        """The fallback list, or None. Raises as `read` does."""

    async def read_similar(self, item_ids: Sequence[str]) -> list[SimilarItems | None]:
        """What goes with each of the items, or None, by one call. Raises as `read` does."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ManifestName:
    """A manifest's place in the log of one worker."""

    instance: str
    sequence: int


class SnapshotStore(Protocol):
    """Blobs named by content and, per worker, a numbered log of manifests.

    What reads or lists raises ServiceUnavailable while a store in the network does not answer, so that nothing is
    taken for missing that is not. Writing raises SnapshotError then: the last snapshot stays the truth.
    """

    def write_blob(self, content: bytes) -> str:
        """Stores it durably and returns its name, the sha256 in hex. Raises SnapshotError."""

    def read_blob(self, name: str) -> bytes:
        """Raises SnapshotError when it is missing, too large to be read, or does not match its name."""

    def create_manifest(self, name: ManifestName, content: bytes) -> None:
        """Creates it durably, at once and only if absent. Raises OwnershipLost when it exists already."""

    def read_manifest(self, name: ManifestName) -> bytes:
        """Raises SnapshotError when it is missing or too large to be read."""

    def manifests(self) -> list[ManifestName]:
        """All manifests of all workers; each worker's in ascending order."""

    def drop(self, manifests: Sequence[ManifestName], blobs: Sequence[str]) -> None:
        """Deletes manifests first, then blobs; what is gone already is no error."""

    def blobs(self) -> list[str]: ...


class Clock(Protocol):
    """Time, injected so that tests decide it."""

    def now_ms(self) -> int:
        """UTC milliseconds: for timestamps only."""

    def monotonic(self) -> float:
        """Seconds that never run backwards: for durations and deadlines."""
