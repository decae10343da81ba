"""Follows one user: an active one, until he goes quiet."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, cast

import msgspec

from worker.events import Interaction
from worker.ports import EventSource, Record

QUIET_SECONDS = 8.0
VISIT_SECONDS = 2.0  # a longer silence ends a visit
KEPT_EVENTS = 10
KEPT_USERS = 5000


@dataclass(frozen=True, slots=True)
class Followed:
    """The user who is followed, and what the worker read of him.

    Attributes:
        visits: how often he came, with silence in between.
        quiet_seconds: since his last event.
        events: his last events, newest first.
    """

    user_id: str
    visits: int
    quiet_seconds: float
    events: list[Interaction]


@dataclass(slots=True)
class _Trail:
    visits: int = 0
    last_at: float = float("-inf")
    values: deque[bytes] = field(default_factory=lambda: deque(maxlen=KEPT_EVENTS))


class Follower:
    """Sees all records, each with a user's id as key, and keeps the last ones of the users who came last."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = Lock()
        self._trails: OrderedDict[bytes, _Trail] = OrderedDict()
        self._user: bytes | None = None

    def saw(self, polled: Mapping[int, Sequence[Record]]) -> None:
        """The worker read these records."""
        now = self._now()
        with self._lock:
            came = {key for records in polled.values() for key in self._note(records, now)}
            if came and self._is_quiet(now):
                self._user = max(came, key=lambda user: (self._trails[user].visits, len(self._trails[user].values)))

    def _note(self, records: Sequence[Record], now: float) -> set[bytes]:
        """Returns who came, as far as their trails are kept."""
        came = set()
        for record in records:
            if record.key is not None and record.value is not None:
                came.add(record.key)
                self._extend(record.key, record.value, now)
        return came & self._trails.keys()

    def _extend(self, user: bytes, value: bytes, now: float) -> None:
        trail = self._trails.pop(user, None) or _Trail()
        if now - trail.last_at > VISIT_SECONDS:
            trail.visits += 1
        trail.last_at = now
        trail.values.append(value)
        self._trails[user] = trail
        if len(self._trails) > KEPT_USERS:
            self._trails.popitem(last=False)

    def _is_quiet(self, now: float) -> bool:
        trail = self._trails.get(self._user) if self._user else None
        return trail is None or now - trail.last_at > QUIET_SECONDS

    def followed(self) -> Followed | None:
        """The user who is followed now; None before the first event."""
        with self._lock:
            trail = self._trails.get(self._user) if self._user else None
            if self._user is None or trail is None:
                return None
            user, values = self._user.decode(), list(reversed(trail.values))
        events = [msgspec.json.decode(value, type=Interaction) for value in values]
        return Followed(user, trail.visits, self._now() - trail.last_at, events)


def watched(source: EventSource, follower: Follower) -> EventSource:
    """The source, whose records are shown to a follower as the worker polls them."""
    return cast("EventSource", _Watched(source, follower))


class _Watched:
    """All but `poll` goes straight to the source."""

    def __init__(self, source: EventSource, follower: Follower) -> None:
        self._source = source
        self._follower = follower

    def poll(self, timeout_seconds: float, max_records: int) -> Mapping[int, Sequence[Record]]:
        polled = self._source.poll(timeout_seconds, max_records)
        if polled:
            self._follower.saw(polled)
        return polled

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)
