"""Clean: the second step, what must not reach the models. One Cleaner a partition, event by event in stream order.

Each check sees only what the checks before it let through, and remembers by exact numbers of events; so the same
stream gives the same result however it is cut into batches. Time is that of the records, never the wall clock.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from models.batch import Bools, Int32s, Interactions, UInt64s
from models.digests import combined, digest
from models.recent import RecentKeys
from worker.event_faults import most_apart_ms
from worker.events import Reject, Rejection
from worker.settings import CleanSettings
from worker.steps.columns import Cleaned, Decoded, kept

MINUTE_MS = 60_000
USER_MINUTES = 32_768  # pairs of user and minute whose events are surely counted at once
NO_EVENT_YET_MS = -1
NO_KEY = np.uint64(0)

Check = Callable[[Decoded, Bools], Bools]  # events, and which are still wanted, to those that are refused


class Cleaner:
    """Cleans one partition's events; what it remembers is bounded."""

    def __init__(self, settings: CleanSettings) -> None:
        self._settings = settings
        window = settings.dedupe_window_events
        self._memories: dict[str, RecentKeys] = {}
        if window:
            self._memories |= {"event_ids": RecentKeys(window), "contents": RecentKeys(window)}
        if settings.max_user_events_per_minute:
            self._memories["user_minutes"] = RecentKeys(USER_MINUTES)
        self._newest_ms = NO_EVENT_YET_MS
        checks: tuple[tuple[bool, Reject, Check], ...] = (
            (True, Reject.BAD_TIME, self._is_impossible),
            (settings.max_lateness_seconds > 0, Reject.LATE, self._is_late),
            (window > 0, Reject.DUPLICATE, self._is_same_id),
            (window > 0, Reject.DUPLICATE, self._is_same_content),
            (settings.max_user_events_per_minute > 0, Reject.ROBOT, self._is_robot),
        )
        self._checks = [(reason, check) for on, reason, check in checks if on]

    def clean(self, decoded: Decoded) -> Cleaned:
        """Keeps what may be learned, and counts the rest by reason."""
        wanted: Bools = np.ones(len(decoded), np.bool_)
        rejections = decoded.rejections
        rejected = Counter(rejection.reason for rejection in rejections)
        for reason, check in self._checks:
            refused = check(decoded, wanted) & wanted
            wanted &= ~refused
            rejected[reason] += int(np.count_nonzero(refused))
            if reason is Reject.BAD_TIME:
                rejections = rejections + [_bad_time(decoded, place) for place in np.flatnonzero(refused).tolist()]
        return _cleaned(decoded, wanted, rejections, +rejected)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """All that it remembers, the same in every process that saw the same stream."""
        arrays = {"newest_ms": np.array([self._newest_ms], np.int64)}
        for name, memory in self._memories.items():
            arrays |= {f"{name}.{part}": array for part, array in memory.state().items()}
        return arrays

    def load_state(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Takes over what `state` gave; what a setting has switched on since begins empty. Raises ValueError."""
        newest_ms = arrays.get("newest_ms")
        if newest_ms is None or newest_ms.dtype != np.int64 or newest_ms.shape != (1,):
            raise ValueError("the state of a cleaner has newest_ms, one int64")
        self._newest_ms = int(newest_ms[0])
        for name, memory in self._memories.items():
            prefix = f"{name}."
            parts = {each.removeprefix(prefix): array for each, array in arrays.items() if each.startswith(prefix)}
            if parts:
                memory.load_state(parts)

    def _is_impossible(self, decoded: Decoded, _: Bools) -> Bools:
        """Too far from the record's time, where that is known."""
        ahead_ms = decoded.times_ms - decoded.record_times_ms
        most_ahead_ms, most_behind_ms = most_apart_ms(self._settings)
        refused: Bools = (ahead_ms > most_ahead_ms) | (ahead_ms < -most_behind_ms)
        return refused & (decoded.record_times_ms >= 0)

    def _is_late(self, decoded: Decoded, wanted: Bools) -> Bools:
        times_ms = np.where(wanted, decoded.times_ms, NO_EVENT_YET_MS)
        newest_ms = np.maximum(np.maximum.accumulate(times_ms), self._newest_ms)
        self._newest_ms = int(newest_ms[-1]) if len(newest_ms) else self._newest_ms
        late: Bools = newest_ms - decoded.times_ms > self._settings.max_lateness_seconds * 1000
        return late

    def _is_same_id(self, decoded: Decoded, wanted: Bools) -> Bools:
        return self._times_seen("event_ids", decoded.event_keys, wanted) > 0

    def _is_same_content(self, decoded: Decoded, wanted: Bools) -> Bools:
        kinds = digest(decoded.kind_names).keys[decoded.kinds]
        when = combined(kinds, decoded.times_ms.astype(np.uint64))
        contents = combined(combined(decoded.user_keys, decoded.item_keys), when)
        return self._times_seen("contents", contents, wanted) > 0

    def _is_robot(self, decoded: Decoded, wanted: Bools) -> Bools:
        minutes = (decoded.times_ms // MINUTE_MS).astype(np.uint64)
        seen = self._times_seen("user_minutes", combined(decoded.user_keys, minutes), wanted)
        return seen >= self._settings.max_user_events_per_minute

    def _times_seen(self, memory: str, keys: UInt64s, wanted: Bools) -> Int32s:
        return self._memories[memory].count(np.where(wanted, keys, NO_KEY))


def _cleaned(decoded: Decoded, wanted: Bools, rejections: list[Rejection], rejected: Counter[Reject]) -> Cleaned:
    columns = (decoded.users, decoded.items, decoded.times_ms, decoded.weights, decoded.kinds)
    users, items, times_ms, weights, kinds, offsets, record_times_ms = kept(
        (*columns, decoded.offsets, decoded.record_times_ms), wanted
    )
    batch = Interactions(users, items, times_ms, weights, of_objective=decoded.are_objective[kinds])
    return Cleaned(batch, kinds, offsets, record_times_ms, decoded.kind_names, rejections, rejected)


def _bad_time(decoded: Decoded, place: int) -> Rejection:
    ahead_seconds = (int(decoded.times_ms[place]) - int(decoded.record_times_ms[place])) / 1000
    side = "ahead of" if ahead_seconds > 0 else "behind"
    return decoded.rejection(place, Reject.BAD_TIME, f"ts lies {abs(ahead_seconds):.0f} s {side} the record's time")
