"""The pipeline: START READING HERE. decode -> clean -> learn for each batch; rank -> publish for whoever is due."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import structlog

from models.batch import Int32s, UInt64s
from models.exposure import coverage, gini, head_share, shown_counts
from models.learned import Learned
from models.profiles import PUBLISHED_ITEMS
from models.recommender import Recommender
from models.vocabulary import stable_hash
from worker.departed import Departed
from worker.describing import Describing
from worker.drift import DriftWatch
from worker.erasure import Bygone
from worker.errors import ServiceUnavailable, StateError
from worker.events import Reject
from worker.observers import Exposure, Observer, Remembered
from worker.oddities import Oddities
from worker.partition import OwnedPartition
from worker.ports import Clock, DeadLetters, ListSink, Record
from worker.refill import Refill
from worker.reporting import Reporting
from worker.rules import Listing
from worker.ruling import Ruling
from worker.settings import RefreshSettings
from worker.similar import SimilarPublishing
from worker.steps.columns import Cleaned, RankedLists
from worker.steps.decode import Decoder
from worker.steps.learn import learn, served_by_kind, served_outcome
from worker.steps.publish import publish
from worker.steps.rank import Ranker

RETRY_SECONDS = 0.5
PART_BYTES = 500_000  # what is made of so much text stays in the processor's cache: twice as fast as ten times as much

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ports:
    """What the pipeline reaches the outside by."""

    lists: ListSink
    dead_letters: DeadLetters
    clock: Clock
    loading: Executor
    reporting: Reporting
    oddities: Oddities


class Pipeline:
    """Takes records in and lists out, for all partitions of one worker.

    Attributes:
        describing: what the catalogue says of items goes that way.
        bygone: events that are passed over, because their users asked to be forgotten since.
    """

    def __init__(
        self,
        decoder: Decoder,
        recommender: Recommender,
        ranker: Ranker,
        ports: Ports,
        refresh: RefreshSettings,
        observer: Observer,
        similar: SimilarPublishing,
    ) -> None:
        self._decoder = decoder
        self._recommender = recommender
        self._ranker = ranker
        self._ports = ports
        self._refresh = refresh
        self._observer = observer
        self._drift = DriftWatch(observer, ports.loading)
        self._departed = Departed()
        self.describing = Describing(recommender, ports.clock)
        self.bygone = Bygone()
        self._refill = Refill()
        self._similar = similar
        self._retry_at_seconds = -np.inf

    @property
    def publishes(self) -> bool:
        """Whether the sink took what it was given last, or nothing was tried."""
        return self._retry_at_seconds == -np.inf

    def process(self, partition: OwnedPartition, records: Sequence[Record]) -> None:
        """Decodes, cleans and learns records of one partition, in order."""
        for part in _in_parts(records):
            self._process_part(partition, part)

    def _process_part(self, partition: OwnedPartition, records: Sequence[Record]) -> None:
        clock = self._ports.clock
        began = clock.monotonic()
        cleaned = self._clean(partition, records)
        cleaned_at = clock.monotonic()
        learned = learn(self._recommender, partition.shard, cleaned)
        self._note(partition, records, cleaned, learned)
        self._ports.reporting.look(cleaned)
        self._observer.consumed(len(cleaned.batch), cleaned.rejected, cleaned_at - began)
        foreseen = learned.served.only(cleaned.batch.of_objective)
        self._observer.learned(len(cleaned.batch), served_outcome(foreseen), clock.monotonic() - cleaned_at)
        self._observer.served_kinds(served_by_kind(learned.served, cleaned))
        self._drift.learned(replace(learned, served=foreseen))
        if any(learned.trainings):
            self._observer.trained(*learned.trainings)

    def _clean(self, partition: OwnedPartition, records: Sequence[Record]) -> Cleaned:
        decoded = self._decoder.decode(partition.number, records)
        bygone = self.bygone.are_bygone(decoded.user_keys, decoded.record_times_ms)
        cleaned = partition.cleaner.clean(decoded.keep(~bygone))
        if bygone.any():
            cleaned.rejected[Reject.FORGOTTEN] = int(np.count_nonzero(bygone))
        if cleaned.rejections:
            self._ports.dead_letters.send(cleaned.rejections)
        return cleaned

    def _note(self, partition: OwnedPartition, records: Sequence[Record], cleaned: Cleaned, learned: Learned) -> None:
        partition.note(cleaned, learned, self._ports.clock.now_ms())
        partition.advance(records[-1])
        self._departed.add(partition.position, learned.forgotten_users)

    def refresh(self, partitions: Sequence[OwnedPartition], seconds: float) -> None:
        """Ranks and publishes for those who are due, longest wait first, until none is left or time is up.

        Then for those whose list the sink lost, and takes away the lists of users who were forgotten.
        """
        clock = self._ports.clock
        deadline = clock.monotonic() + seconds
        while clock.monotonic() < deadline and clock.monotonic() >= self._retry_at_seconds:
            chunk = self._next_chunk(partitions)
            if not chunk and self._refill.mark_some(partitions, self._refresh.chunk_users, clock.now_ms()):
                continue
            if not chunk or not all(self._refresh_users(partition, rows) for partition, rows in chunk):
                break
        self._remove_departed()

    def _next_chunk(self, partitions: Sequence[OwnedPartition]) -> list[tuple[OwnedPartition, Int32s]]:
        """The users of all partitions who waited longest, at most a chunk of them."""
        now_seconds, size = self._ports.clock.monotonic(), self._refresh.chunk_users
        due = [partition.dirty.due(now_seconds, self._refresh.coalesce_seconds) for partition in partitions]
        since = [partition.dirty.waiting_since(rows) for partition, rows in zip(partitions, due, strict=True)]
        waiting = np.concatenate([*since, np.zeros(0, np.int64)])
        if len(waiting) > size:
            chosen = np.zeros(len(waiting), np.bool_)
            chosen[np.argpartition(waiting, size - 1)[:size]] = True
            parts = np.split(chosen, np.cumsum([len(rows) for rows in due])[:-1])
            due = [rows[part] for rows, part in zip(due, parts, strict=True)]
        return [
            (partition, rows.astype(np.int32)) for partition, rows in zip(partitions, due, strict=True) if len(rows)
        ]

    def _refresh_users(self, partition: OwnedPartition, rows: Int32s) -> bool:
        """Ranks and publishes; False = the sink is away, and the users stay dirty."""
        clock = self._ports.clock
        began = clock.monotonic()
        partition.revision += 1
        ranked = self._ranker.rank(partition.shard, rows, partition.position, clock.now_ms())
        ranked_at = clock.monotonic()
        self._observer.ranked(len(rows), ranked_at - began)
        self._drift.ranked(ranked.margins)
        try:
            self._refill.note_first(partition, self._ports.lists)
            refused = publish(self._ports.lists, ranked)
        except ServiceUnavailable as error:
            self._publish_failed(len(rows), error)
            return False
        self._published(partition, ranked, refused, ranked_at)
        return True

    def _published(self, partition: OwnedPartition, ranked: RankedLists, refused: int, began: float) -> None:
        clock = self._ports.clock
        self._sink_answered()
        partition.shard.set_published(ranked.users, ranked.item_rows, ranked.explored)
        since_ms = partition.dirty.refreshed(ranked.users, clock.monotonic())
        freshness_seconds = np.maximum(clock.now_ms() - since_ms, 0) / 1000.0
        self._observer.published(len(ranked.lists), refused, clock.monotonic() - began, freshness_seconds)
        self._observer.explored(int(np.count_nonzero(ranked.explored)))

    def _remove_departed(self) -> None:
        """One call a round: whoever moves comes first."""
        if self._ports.clock.monotonic() >= self._retry_at_seconds:
            try:
                self._departed.remove_some(self._ports.lists)
            except ServiceUnavailable as error:
                self._publish_failed(0, error)
        self._observer.departed(len(self._departed), self._departed.take_left())

    def _publish_failed(self, lists: int, error: ServiceUnavailable) -> None:
        if self.publishes:
            log.warning("lists cannot be published now; learning goes on", cause=str(error), remedy=error.remedy)
        self._retry_at_seconds = self._ports.clock.monotonic() + RETRY_SECONDS
        self._observer.publish_failed(lists)

    def _sink_answered(self) -> None:
        if not self.publishes:
            log.info("lists are published again")
        self._retry_at_seconds = -np.inf

    def publish_popular(self, *, standing_by: bool = False) -> None:
        """Renews the fallback list; while nothing was learned, or we stand by, only asks whether the sink is there."""
        rows, popular = self._ranker.popular(self._ports.clock.now_ms())
        is_published = self._recommender.events > 0 and not standing_by
        try:
            if is_published:
                self._ports.lists.publish_popular(popular)
            else:
                self._ports.lists.ping()
            mark = self._ports.lists.mark()
        except ServiceUnavailable as error:
            self._publish_failed(int(is_published), error)
            return
        self._sink_answered()
        self._refill.seen(mark)
        self._similar.seen(mark)
        if is_published:
            self._recommender.set_published_popular(rows)

    def publish_similar(self, partitions: Sequence[OwnedPartition]) -> None:
        """What goes with items, of some of those that had events since it was published last."""
        began = self._ports.clock.monotonic()
        if began >= self._retry_at_seconds:
            try:
                items = self._similar.some([each.shard for each in partitions])
            except ServiceUnavailable as error:
                self._publish_failed(0, error)
            else:
                self._observer.similar_published(items, self._ports.clock.monotonic() - began)

    def tell_remembered(self, partitions: Sequence[OwnedPartition]) -> None:
        """How full the budgets are."""
        most, items = self._recommender.options, len(self._recommender.vocabulary)
        users = [len(each.shard.users) for each in partitions]
        fullest = max(users, default=0) / most.max_users
        self._observer.remembered(Remembered(items, items / most.max_items, sum(users), fullest))

    def tell_exposure(self, partitions: Sequence[OwnedPartition]) -> None:
        """How the lists that stand published spread over the items."""
        vocabulary = self._recommender.vocabulary
        known = np.zeros(vocabulary.capacity, np.int64)
        known[vocabulary.rows_in_use()] = 1
        shown, lists = shown_counts([each.shard.published() for each in partitions], len(known))
        self._ports.oddities.look(shown, lists, self._ranker.ruling.rule_ids)
        self._observer.exposed(Exposure(coverage(shown, known), gini(shown, known), head_share(shown, known)))

    def adopt(self, partition: OwnedPartition) -> None:
        """The partition came to us; its lists that show what may not be shown by now are refreshed.

        So are those that explore: what the catalogue says of new items is not known by row.
        """
        hidden, now_ms = self._recommender.hidden_rows(), self._ports.clock.now_ms()
        self._mark_lists_with(hidden, partition.shard.explored(), [partition])
        partition.mark_users(self._ranker.ruling.own, now_ms)
        self._refill.begin(partition)

    def drop(self, partition: OwnedPartition) -> None:
        """The partition moved to another worker."""
        self._recommender.drop_shard(partition.shard)

    def set_listings(self, listings: Mapping[str, Listing], partitions: Sequence[OwnedPartition]) -> None:
        """Takes items out of lists or lets them in again; lists that show a lost item are refreshed."""
        for item_id, listing in listings.items():
            self._recommender.set_shown(item_id, shown=listing.shown, category=listing.category)
        blocked = self._ranker.ruling.everyone.blocked
        self._similar.show(item_id for item_id, each in listings.items() if each.shown and item_id not in blocked)
        self._lose([item_id for item_id, listing in listings.items() if not listing.shown], partitions)

    def rule(self, ruling: Ruling, partitions: Sequence[OwnedPartition]) -> None:
        """From now on lists follow these rules. Those that break a new block, and those of a new rule, are wrong."""
        before, self._ranker.ruling = self._ranker.ruling, ruling
        if unplaced := self._recommender.intervene(ruling.everyone, ruling.own):
            log.warning("there is no room for pinned items: raise memory.items_bytes", items=unplaced)
        self._similar.show(before.everyone.blocked - ruling.everyone.blocked)
        self._lose(list(ruling.everyone.blocked - before.everyone.blocked), partitions)
        concerned = [user for user in {*before.own, *ruling.own} if before.own.get(user) != ruling.own.get(user)]
        for partition in partitions:
            partition.mark_users(concerned, self._ports.clock.now_ms())

    def forget_user(self, partition: OwnedPartition, user_id: str) -> None:
        """Forgets all that tells of a user, but for the list."""
        partition.forget_user(self._recommender, user_id)

    def remove_list(self, user_id: str, made_up_to_ms: int) -> bool:
        """Takes a user's list away, unless it was made later; False = the store is away."""
        if self._ports.clock.monotonic() < self._retry_at_seconds:
            return False
        lists = self._ports.lists
        try:
            with suppress(StateError):  # what stands there is none of ours
                found = lists.read(user_id)
                if found and found.generated_at <= made_up_to_ms:
                    lists.remove([user_id], found.position)
        except ServiceUnavailable as error:
            self._publish_failed(0, error)
            return False
        return True

    def _lose(self, item_ids: Sequence[str], partitions: Sequence[OwnedPartition]) -> None:
        """These items may not be shown any more: lists that show them are wrong, and nothing is told of them."""
        if not item_ids:
            return
        vocabulary = self._recommender.vocabulary
        rows = vocabulary.rows_of(item_ids)
        hashes = np.fromiter(map(stable_hash, item_ids), np.uint64, len(item_ids))
        self._mark_lists_with(rows[rows >= 0], hashes, partitions)
        self._similar.hide(item_ids)
        if self._ports.clock.monotonic() >= self._retry_at_seconds:
            try:
                self._similar.remove_hidden()
            except ServiceUnavailable as error:
                self._publish_failed(0, error)

    def _mark_lists_with(self, rows: Int32s, hashes: UInt64s, partitions: Sequence[OwnedPartition]) -> None:
        now_ms, noted_whole = self._ports.clock.now_ms(), self._ranker.size <= PUBLISHED_ITEMS
        for partition in partitions:
            partition.mark_lists_with(rows, hashes, now_ms, noted_whole=noted_whole)


def _in_parts(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """The records in order, in parts of about `PART_BYTES`."""
    sizes = np.fromiter((len(record.value or b"") for record in records), np.int64, len(records))
    part_of = np.cumsum(sizes) // PART_BYTES
    starts = np.flatnonzero(np.diff(part_of, prepend=-1)).tolist()
    return (records[begin:end] for begin, end in pairwise([*starts, len(records)]))
