"""The pipeline: START READING HERE. decode -> clean -> learn for each batch; rank -> publish for whoever is due."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.batch import Int32s
from models.drift import DriftDetector
from models.recommender import Learned, Recommender
from worker.errors import ServiceUnavailable
from worker.observers import Observer
from worker.partition import OwnedPartition
from worker.ports import Clock, DeadLetters, ListSink, Record
from worker.settings import RefreshSettings
from worker.steps.columns import Cleaned
from worker.steps.decode import Decoder
from worker.steps.learn import learn, served_outcome
from worker.steps.publish import publish
from worker.steps.rank import RankedLists, Ranker

RETRY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Ports:
    """What the pipeline reaches the outside by."""

    lists: ListSink
    dead_letters: DeadLetters
    clock: Clock


class Pipeline:
    """Takes records in and lists out, for all partitions of one worker."""

    def __init__(
        self,
        decoder: Decoder,
        recommender: Recommender,
        ranker: Ranker,
        ports: Ports,
        refresh: RefreshSettings,
        observer: Observer,
    ) -> None:
        self._decoder = decoder
        self._recommender = recommender
        self._ranker = ranker
        self._ports = ports
        self._refresh = refresh
        self._observer = observer
        self._drift = DriftDetector()
        self._retry_at_seconds = -np.inf

    @property
    def publishes(self) -> bool:
        """Whether the last write of lists succeeded, or none was tried."""
        return self._retry_at_seconds == -np.inf

    def process(self, partition: OwnedPartition, records: Sequence[Record]) -> None:
        """Decodes, cleans and learns records of one partition, in order."""
        clock = self._ports.clock
        began = clock.monotonic()
        cleaned = self._clean(partition, records)
        cleaned_at = clock.monotonic()
        learned = learn(self._recommender, partition.shard, cleaned)
        self._note(partition, records, cleaned, learned)
        self._observer.consumed(len(cleaned.batch), cleaned.rejected, cleaned_at - began)
        self._observer.learned(len(cleaned.batch), served_outcome(learned.served), clock.monotonic() - cleaned_at)
        self._watch_drift(learned)

    def _clean(self, partition: OwnedPartition, records: Sequence[Record]) -> Cleaned:
        cleaned = partition.cleaner.clean(self._decoder.decode(partition.number, records))
        if cleaned.rejections:
            self._ports.dead_letters.send(cleaned.rejections)
        return cleaned

    def _note(self, partition: OwnedPartition, records: Sequence[Record], cleaned: Cleaned, learned: Learned) -> None:
        partition.note(cleaned, learned, self._ports.clock.now_ms())
        partition.advance(records[-1])

    def _watch_drift(self, learned: Learned) -> None:
        places = learned.served.places
        for _ in range(self._drift.update(places[places >= 0] > 0)):
            self._observer.drifted()

    def refresh(self, partitions: Sequence[OwnedPartition], seconds: float) -> None:
        """Ranks and publishes for those who are due, longest wait first, until none is left or time is up."""
        clock = self._ports.clock
        deadline = clock.monotonic() + seconds
        while clock.monotonic() < deadline and clock.monotonic() >= self._retry_at_seconds:
            chunk = self._next_chunk(partitions)
            if not chunk:
                return
            for partition, rows in chunk:
                self._refresh_users(partition, rows)

    def _next_chunk(self, partitions: Sequence[OwnedPartition]) -> list[tuple[OwnedPartition, Int32s]]:
        """The users of all partitions who waited longest, up to a chunk of them."""
        now_seconds = self._ports.clock.monotonic()
        due = [partition.dirty.due(now_seconds, self._refresh.coalesce_seconds) for partition in partitions]
        since = [partition.dirty.since_ms[rows] for partition, rows in zip(partitions, due, strict=True)]
        waiting = np.concatenate([*since, np.zeros(0, np.int64)])
        if len(waiting) > self._refresh.chunk_users:
            latest = np.partition(waiting, self._refresh.chunk_users - 1)[self._refresh.chunk_users - 1]
            due = [rows[times <= latest] for rows, times in zip(due, since, strict=True)]
        return [
            (partition, rows.astype(np.int32)) for partition, rows in zip(partitions, due, strict=True) if len(rows)
        ]

    def _refresh_users(self, partition: OwnedPartition, rows: Int32s) -> None:
        """Ranks and publishes; while the sink is away, the users stay dirty."""
        clock = self._ports.clock
        began = clock.monotonic()
        partition.revision += 1
        ranked = self._ranker.rank(partition.shard, rows, partition.position, clock.now_ms())
        ranked_at = clock.monotonic()
        self._observer.ranked(len(rows), ranked_at - began)
        try:
            refused = publish(self._ports.lists, ranked)
        except ServiceUnavailable:
            self._publish_failed(len(rows))
        else:
            self._published(partition, ranked, refused, ranked_at)

    def _published(self, partition: OwnedPartition, ranked: RankedLists, refused: int, began: float) -> None:
        clock = self._ports.clock
        self._retry_at_seconds = -np.inf
        partition.shard.set_published(ranked.users, ranked.item_rows)
        since_ms = partition.dirty.refreshed(ranked.users, clock.monotonic())
        freshness_seconds = np.maximum(clock.now_ms() - since_ms, 0) / 1000.0
        self._observer.published(len(ranked.lists), refused, clock.monotonic() - began, freshness_seconds)

    def _publish_failed(self, lists: int) -> None:
        self._retry_at_seconds = self._ports.clock.monotonic() + RETRY_SECONDS
        self._observer.publish_failed(lists)

    def drop(self, partition: OwnedPartition) -> None:
        """The partition moved to another worker."""
        self._recommender.drop_shard(partition.shard)

    def publish_popular(self) -> None:
        """Renews the fallback list; when the sink is away, the next call tries again."""
        rows, popular = self._ranker.popular(self._ports.clock.now_ms())
        try:
            self._ports.lists.publish_popular(popular)
        except ServiceUnavailable:
            self._publish_failed(1)
            return
        self._recommender.set_published_popular(rows)

    def set_available(self, available: dict[str, bool], partitions: Sequence[OwnedPartition]) -> None:
        """Takes items out of lists or lets them in again; lists that show a lost item are refreshed."""
        for item_id, can_be_had in available.items():
            self._recommender.set_available(item_id, available=can_be_had)
            row = self._recommender.vocabulary.row(item_id)
            if not can_be_had and row >= 0:
                for partition in partitions:
                    partition.mark_lists_with(row, self._ports.clock.now_ms())
