"""The review queue: items that users reported or whose lists look odd, and that nobody has looked at since."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec
import structlog

from worker.audit import Decided, audit_record
from worker.compacted import read_whole
from worker.control_records import Action, Rule, control_key, rule_faults
from worker.event_faults import id_faults
from worker.formats.reader import UNREADABLE
from worker.ports import CompactedTopic
from worker.review_records import Decision, Oddity, Report, Review, ReviewRecord, Waiting, review_key
from worker.settings import KafkaSettings

RULE_PREFIX = "review:"
ODDER = 0.1  # by so much larger a share of lists

Written = tuple[str, str, bytes]  # topic, key, value

log = structlog.get_logger(__name__)


class ReviewQueue:
    """What the review topic says, as of the last `refresh`.

    Attributes:
        caught_up: whether all that stood in the topic at the start is known.
    """

    def __init__(self, source: CompactedTopic) -> None:
        self._source = source
        self._decode = msgspec.json.Decoder(ReviewRecord).decode
        self._waiting: dict[str, dict[str, Report | Oddity]] = {}  # by item and key, since the item's last review
        self._reviews: dict[str, Review] = {}
        self.caught_up = False

    def refresh(self) -> bool:
        """Reads what is new, but for what is no record; says whether anything came. Raises ServiceUnavailable."""
        polled = self._source.poll()
        for key, value in polled:
            if value is not None:
                self._take(key, value)
        self.caught_up = self.caught_up or self._source.caught_up()
        return bool(polled)

    def read_all(self, timeout_seconds: float) -> bool:
        """Reads until all that stood in the topic is known; False = that took too long."""
        return read_whole(self.refresh, lambda: self.caught_up, timeout_seconds)

    def waiting(self) -> list[Waiting]:
        """Items to be looked at: those with most reports first, then the latest."""
        found = [_waiting(item, list(records.values())) for item, records in list(self._waiting.items())]
        return sorted(found, key=lambda each: (-each.reports, -each.last_at, each.item_id))

    def share_of_lists(self, item_id: str) -> float:
        """In how many lists it stands, from 0 to 1, where that looks odd now."""
        records = list(self._waiting.get(item_id, {}).values())
        return max((each.share_of_lists for each in records if isinstance(each, Oddity)), default=0.0)

    def close(self) -> None:
        """Ends reading."""
        self._source.close()

    def _take(self, key: str, value: bytes) -> None:
        try:
            record = self._decode(value)
        except UNREADABLE as error:
            log.warning("a record of the review topic is passed over", error=str(error))
            return
        item = record.item_id
        if isinstance(record, Review):
            self._reviews[item] = record
            left = {name: each for name, each in self._waiting.pop(item, {}).items() if _is_news(each, record)}
            if left:
                self._waiting[item] = left
        elif _is_news(record, self._reviews.get(item)):
            self._waiting[item] = self._waiting.get(item, {}) | {key: record}


def _is_news(record: Report | Oddity, review: Review | None) -> bool:
    """Whether there is more to it than when the item was looked at."""
    if review is None:
        return True
    if isinstance(record, Oddity):
        return record.share_of_lists > review.share_of_lists + ODDER
    return record.at > review.at


def _waiting(item_id: str, records: list[Report | Oddity]) -> Waiting:
    times = [record.at for record in records]
    reports = sum(isinstance(record, Report) for record in records)
    oddest = max((each for each in records if isinstance(each, Oddity)), key=_excess, default=None)
    shares = (oddest.share_of_lists, oddest.share_of_events) if oddest else (None, None)
    return Waiting(item_id, reports, min(times), max(times), *shares)


def _excess(oddity: Oddity) -> float:
    return oddity.share_of_lists / max(oddity.share_of_events, 1e-12)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person decides about an item that waits.

    Attributes:
        strength: of burying.
    """

    item_id: str
    decision: Decision
    author: str
    note: str = ""
    strength: float = 4.0


def faults_of(verdict: Verdict, max_id_characters: int) -> Iterator[str]:
    """Why nothing can be done about it."""
    yield from id_faults("item_id", verdict.item_id, max_id_characters - len(RULE_PREFIX))
    as_rule = Rule("review", Action.BURY, verdict.author, "item", strength=verdict.strength, note=verdict.note)
    yield from rule_faults(as_rule, max_id_characters)


def rule_of(verdict: Verdict, now_ms: int) -> Rule | None:
    """The rule that follows; the next verdict on the item replaces it."""
    if verdict.decision is Decision.DISMISS:
        return None
    action = Action.BLOCK if verdict.decision is Decision.BLOCK else Action.BURY
    return Rule(
        f"{RULE_PREFIX}{verdict.item_id}",
        action,
        verdict.author,
        verdict.item_id,
        strength=verdict.strength,
        created_at=now_ms,
        note=verdict.note,
    )


def records_of(
    verdict: Verdict, rule: Rule | None, kafka: KafkaSettings, now_ms: int, share_of_lists: float
) -> Iterable[Written]:
    """What is to be written, in this order: who decided, the rule that follows, and that the item was looked at.

    `share_of_lists` as the queue has it now.
    """
    rule_id = rule.id if rule else ""
    review = Review(verdict.item_id, verdict.decision, verdict.author, now_ms, rule_id, verdict.note, share_of_lists)
    yield kafka.audit_topic, *audit_record(Decided("reviewed", verdict.author, now_ms, review))
    if rule:
        yield kafka.control_topic, control_key(rule), msgspec.json.encode(rule)
    yield kafka.review_topic, review_key(review), msgspec.json.encode(review)
