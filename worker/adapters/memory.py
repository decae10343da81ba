"""The ports in memory: for notebooks, simulations and tests, with the same promises as the real ones."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

from typing_extensions import override

from worker.errors import OwnershipLost, ServiceUnavailable, SnapshotError
from worker.events import LAST_POSITION, RecommendationList, Rejection, SimilarItems
from worker.ports import Clock, CompactedTopic, DeadLetters, ListSink, ManifestName, RecordSink, SnapshotStore

P = ParamSpec("P")
T = TypeVar("T")


class ManualClock(Clock):
    """Time that stands still until it is moved.

    Attributes:
        seconds: monotonic time; UTC runs beside it from `start_ms`.
    """

    def __init__(self, start_ms: int = 1_700_000_000_000) -> None:
        self.seconds = 0.0
        self._start_ms = start_ms

    def advance(self, seconds: float) -> None:
        """Moves both times on."""
        self.seconds += seconds

    def leap(self, seconds: float) -> None:
        """Sets UTC forth or back, as an operator or a time server may."""
        self._start_ms += round(seconds * 1000)

    @override
    def now_ms(self) -> int:
        return self._start_ms + round(self.seconds * 1000)

    @override
    def monotonic(self) -> float:
        return self.seconds


class MemoryLists(ListSink):
    """Lists in a dictionary.

    Attributes:
        lists: what stands published, by user id.
        popular: the fallback list.
        similar: what goes with items, by item id.
        available: False = every call raises ServiceUnavailable.
    """

    def __init__(self) -> None:
        self.lists: dict[str, RecommendationList] = {}
        self.popular: RecommendationList | None = None
        self.similar: dict[str, SimilarItems] = {}
        self.available = True
        self._emptied = 0

    @override
    def publish(self, lists: Mapping[str, RecommendationList]) -> int:
        self.ping()
        newer = {user: new for user, new in lists.items() if self._is_newer(user, new)}
        self.lists |= newer
        return len(lists) - len(newer)

    @override
    def publish_popular(self, popular: RecommendationList) -> None:
        self.ping()
        self.popular = popular

    @override
    def publish_similar(self, records: Mapping[str, SimilarItems]) -> None:
        self.ping()
        self.similar |= records

    @override
    def read_similar(self, item_id: str) -> SimilarItems | None:
        self.ping()
        return self.similar.get(item_id)

    @override
    def remove_similar(self, item_ids: Iterable[str]) -> None:
        self.ping()
        for item_id in item_ids:
            self.similar.pop(item_id, None)

    @override
    def read(self, user_id: str) -> RecommendationList | None:
        self.ping()
        return self.lists.get(user_id)

    @override
    def read_popular(self) -> RecommendationList | None:
        self.ping()
        return self.popular

    @override
    def remove(self, user_ids: Iterable[str], up_to: str = LAST_POSITION) -> None:
        self.ping()
        for user_id in user_ids:
            if user_id in self.lists and self.lists[user_id].position <= up_to:
                del self.lists[user_id]

    @override
    def remove_popular(self) -> None:
        self.ping()
        self.popular = None
        self._emptied += 1

    @override
    def mark(self) -> str:
        self.ping()
        return str(self._emptied)

    def empty(self) -> None:
        """Loses everything, as a store does that was flushed or replaced."""
        self.lists, self.popular, self.similar = {}, None, {}
        self._emptied += 1

    @override
    def ping(self) -> None:
        if not self.available:
            raise ServiceUnavailable("the lists in memory were made unavailable")

    @override
    def close(self) -> None:
        """Nothing to release."""

    def _is_newer(self, user: str, new: RecommendationList) -> bool:
        old = self.lists.get(user)
        return old is None or new.position > old.position


class MemoryTable(CompactedTopic):
    """A topic that is fed by `put`."""

    def __init__(self, records: Mapping[str, bytes | None] | None = None) -> None:
        self._new = list((records or {}).items())

    def put(self, key: str, value: bytes | None) -> None:
        """Appends a record; None = the key is gone."""
        self._new.append((key, value))

    @override
    def poll(self) -> Sequence[tuple[str, bytes | None]]:
        new, self._new = self._new, []
        return new

    @override
    def caught_up(self) -> bool:
        return not self._new

    @override
    def close(self) -> None:
        """Nothing to release."""


class MemoryRecords(RecordSink):
    """Notes in a list.

    Attributes:
        records: topic, key and value of all that were sent.
    """

    def __init__(self) -> None:
        self.records: list[tuple[str, str, bytes | None]] = []

    @override
    def send(self, topic: str, key: str, value: bytes | None) -> None:
        self.records.append((topic, key, value))

    @override
    def close(self) -> None:
        """Nothing to release."""


class MemoryDeadLetters(DeadLetters):
    """Rejections in a list.

    Attributes:
        rejections: all that were sent.
    """

    def __init__(self) -> None:
        self.rejections: list[Rejection] = []

    @override
    def send(self, rejections: Sequence[Rejection]) -> None:
        self.rejections += rejections

    @override
    def take_lost(self) -> int:
        return 0

    @override
    def flush(self, timeout_seconds: float) -> None:
        """All are safe already."""

    @override
    def close(self) -> None:
        """Nothing to release."""


class Immediate(Executor):
    """Background work that is done at once."""

    @override
    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        done: Future[T] = Future()
        settle(done, fn, *args, **kwargs)
        return done


def settle(done: Future[T], fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> None:
    """Does the work, and hands its result or its exception to whoever waits for it."""
    try:
        done.set_result(fn(*args, **kwargs))
    except Exception as error:  # whatever it is, the one who asks for the result shall have it
        done.set_exception(error)


class MemorySnapshots(SnapshotStore):
    """Snapshots in dictionaries; give one object to several workers to share it."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}
        self._manifests: dict[ManifestName, bytes] = {}

    @override
    def write_blob(self, content: bytes) -> str:
        name = hashlib.sha256(content).hexdigest()
        self._blobs[name] = content
        return name

    @override
    def read_blob(self, name: str) -> bytes:
        try:
            return self._blobs[name]
        except KeyError as error:
            raise SnapshotError(f"there is no blob {name}") from error

    @override
    def create_manifest(self, name: ManifestName, content: bytes) -> None:
        if name in self._manifests:
            raise OwnershipLost(f"the manifest {name.sequence} of {name.instance} was written by somebody else")
        self._manifests[name] = content

    @override
    def read_manifest(self, name: ManifestName) -> bytes:
        try:
            return self._manifests[name]
        except KeyError as error:
            raise SnapshotError(f"there is no manifest {name}") from error

    @override
    def manifests(self) -> list[ManifestName]:
        return sorted(self._manifests, key=lambda name: (name.instance, name.sequence))

    @override
    def drop(self, manifests: Sequence[ManifestName], blobs: Sequence[str]) -> None:
        for name in manifests:
            self._manifests.pop(name, None)
        for blob in blobs:
            self._blobs.pop(blob, None)

    @override
    def blobs(self) -> list[str]:
        return sorted(self._blobs)
