"""Hooks that the worker calls; every body is empty, so an observer overrides only what it listens to.

Called once a batch, never once an event. A hook must not raise and must not block.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from worker.events import Reject
from worker.ports import Record


@dataclass(frozen=True, slots=True)
class ServedOutcome:
    """How the lists that stood published fared against the events that then happened.

    Attributes:
        events: events whose user had a list when they happened.
        hits: of these, how many had their item among the first 20 of the user's list.
        reciprocal_ranks: sum of 1/rank over the hits.
        popular_hits: how many had their item among the first 20 of the popular list, on the same events.
        explored_hits: how many had as their item the new one that the user's list held for exploration.
    """

    events: int = 0
    hits: int = 0
    reciprocal_ranks: float = 0.0
    popular_hits: int = 0
    explored_hits: int = 0


@dataclass(frozen=True, slots=True)
class Remembered:
    """How many items and users are known, and how full that makes their budgets, from 0 to 1.

    Attributes:
        users_share: of the fullest partition.
    """

    items: int
    items_share: float
    users: int
    users_share: float


@dataclass(frozen=True, slots=True)
class Exposure:
    """How the lists that stand published spread over the items that are known; nan = there is no list.

    Attributes:
        coverage: share of the items that a list shows.
        gini: 0 = all items equally often, near 1 = a few alone.
        head_share: share of all places that the most shown hundredth of the items takes.
    """

    coverage: float
    gini: float
    head_share: float


class Drift(StrEnum):
    """What changed, as metrics and logs name it."""

    SERVED_HITS = "served_hits"
    """The rate of served hits, by ADWIN."""
    SERVED_HITS_LEVEL = "served_hits_level"
    """The rate of served hits, by Page-Hinkley."""
    LOG_LOSS = "log_loss"
    """How much the events surprise the ranker."""
    NEW_ITEMS = "new_items"
    """How often items come that were never seen."""
    SCORE_MARGINS = "score_margins"
    """How far the scores in a list lie apart."""
    LEARNING_RATES = "learning_rates"
    """The tests of `models.renewal` saw a change, and the learning rates rose."""


class Observer:
    """Listens to a worker; all hooks do nothing."""

    def polled(self, records: int, seconds: float) -> None:
        """A poll returned."""

    def received(self, partition: int, records: Sequence[Record]) -> None:
        """Records of a partition are to be decoded next."""

    def lagging(self, lag_records: Mapping[int, int], lag_seconds: float) -> None:
        """How far behind the end of the log we are, by partition, and in time."""

    def consumed(self, events: int, rejected: Mapping[Reject, int], seconds: float) -> None:
        """Records became `events` clean events and some rejections; decoding and cleaning took `seconds`."""

    def learned(self, events: int, served: ServedOutcome, seconds: float) -> None:
        """A batch was learned."""

    def served_kinds(self, by_kind: Mapping[str, ServedOutcome]) -> None:
        """How lists fared against the events of each kind in a batch, of kinds that they are not to foresee too."""

    def processed(self, records: int, seconds: float) -> None:
        """All that one poll returned was decoded, cleaned and learned."""

    def dead_letters_lost(self, rejections: int) -> None:
        """Rejections could not be kept for a person."""

    def ranked(self, lists: int, seconds: float) -> None:
        """Lists were made."""

    def published(self, lists: int, refused: int, seconds: float, freshness_seconds: npt.NDArray[np.float64]) -> None:
        """Lists are visible; `freshness_seconds` (lists,) from the oldest event they had not reflected."""

    def explored(self, items: int) -> None:
        """So many of the lists that were just published hold a new item for exploration."""

    def similar_published(self, items: int, seconds: float) -> None:
        """What goes with so many items is visible; finding and writing it took `seconds`."""

    def publish_failed(self, lists: int) -> None:
        """Redis did not take them; their users stay dirty."""

    def waiting(self, users: int) -> None:
        """Users whose list is out of date, as of the end of a round."""

    def remembered(self, remembered: Remembered) -> None:
        """Who and what is known, every few seconds."""

    def exposed(self, exposure: Exposure) -> None:
        """How lists spread over items, every few seconds."""

    def departed(self, waiting: int, left: int) -> None:
        """Forgotten users whose list is still to be removed; `left` lists stay until their time to live ends."""

    def controlled(self, rules: int, forgetting: int, waiting_seconds: float) -> None:
        """So many rules hold, so many users wait for a receipt that they are forgotten, one for so long."""

    def snapshot_copied(self, seconds: float) -> None:
        """The state was copied for a snapshot, for so long the line stood still."""

    def snapshot_written(self, size_bytes: int, seconds: float) -> None:
        """A snapshot stands, so long after it was begun."""

    def snapshot_failed(self, cause: str) -> None:
        """A snapshot could not be written; the last good one stays."""

    def owned(self, partitions: Sequence[int]) -> None:
        """The partitions that are ours and restored."""

    def topic_partitions(self, partitions: int) -> None:
        """So many has the topic, owned or not, every few seconds; 0 = not known yet."""

    def snapshot_interval(self, seconds: float) -> None:
        """So long after one snapshot the next is begun, from now on."""

    def drifted(self, drift: Drift) -> None:
        """A detector saw a change."""

    def trained(self, begun: int, left_out: int, steps_dropped: int, users_skipped: int) -> None:
        """What `models.foresight.Trainings` says of the time since the batch before."""


class Observers(Observer):
    """Passes every call on to each of several observers, in order."""

    def __init__(self, *observers: Observer) -> None:
        self._all = observers

    @override
    def polled(self, records: int, seconds: float) -> None:
        for each in self._all:
            each.polled(records, seconds)

    @override
    def received(self, partition: int, records: Sequence[Record]) -> None:
        for each in self._all:
            each.received(partition, records)

    @override
    def lagging(self, lag_records: Mapping[int, int], lag_seconds: float) -> None:
        for each in self._all:
            each.lagging(lag_records, lag_seconds)

    @override
    def consumed(self, events: int, rejected: Mapping[Reject, int], seconds: float) -> None:
        for each in self._all:
            each.consumed(events, rejected, seconds)

    @override
    def learned(self, events: int, served: ServedOutcome, seconds: float) -> None:
        for each in self._all:
            each.learned(events, served, seconds)

    @override
    def served_kinds(self, by_kind: Mapping[str, ServedOutcome]) -> None:
        for each in self._all:
            each.served_kinds(by_kind)

    @override
    def processed(self, records: int, seconds: float) -> None:
        for each in self._all:
            each.processed(records, seconds)

    @override
    def dead_letters_lost(self, rejections: int) -> None:
        for each in self._all:
            each.dead_letters_lost(rejections)

    @override
    def ranked(self, lists: int, seconds: float) -> None:
        for each in self._all:
            each.ranked(lists, seconds)

    @override
    def published(self, lists: int, refused: int, seconds: float, freshness_seconds: npt.NDArray[np.float64]) -> None:
        for each in self._all:
            each.published(lists, refused, seconds, freshness_seconds)

    @override
    def explored(self, items: int) -> None:
        for each in self._all:
            each.explored(items)

    @override
    def similar_published(self, items: int, seconds: float) -> None:
        for each in self._all:
            each.similar_published(items, seconds)

    @override
    def publish_failed(self, lists: int) -> None:
        for each in self._all:
            each.publish_failed(lists)

    @override
    def waiting(self, users: int) -> None:
        for each in self._all:
            each.waiting(users)

    @override
    def remembered(self, remembered: Remembered) -> None:
        for each in self._all:
            each.remembered(remembered)

    @override
    def exposed(self, exposure: Exposure) -> None:
        for each in self._all:
            each.exposed(exposure)

    @override
    def departed(self, waiting: int, left: int) -> None:
        for each in self._all:
            each.departed(waiting, left)

    @override
    def controlled(self, rules: int, forgetting: int, waiting_seconds: float) -> None:
        for each in self._all:
            each.controlled(rules, forgetting, waiting_seconds)

    @override
    def snapshot_copied(self, seconds: float) -> None:
        for each in self._all:
            each.snapshot_copied(seconds)

    @override
    def snapshot_written(self, size_bytes: int, seconds: float) -> None:
        for each in self._all:
            each.snapshot_written(size_bytes, seconds)

    @override
    def snapshot_failed(self, cause: str) -> None:
        for each in self._all:
            each.snapshot_failed(cause)

    @override
    def owned(self, partitions: Sequence[int]) -> None:
        for each in self._all:
            each.owned(partitions)

    @override
    def topic_partitions(self, partitions: int) -> None:
        for each in self._all:
            each.topic_partitions(partitions)

    @override
    def snapshot_interval(self, seconds: float) -> None:
        for each in self._all:
            each.snapshot_interval(seconds)

    @override
    def drifted(self, drift: Drift) -> None:
        for each in self._all:
            each.drifted(drift)

    @override
    def trained(self, begun: int, left_out: int, steps_dropped: int, users_skipped: int) -> None:
        for each in self._all:
            each.trained(begun, left_out, steps_dropped, users_skipped)
