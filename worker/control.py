"""Control: what the `control` topic says at present."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import inf

import msgspec

from worker.control_records import (
    Action,
    ControlRecord,
    Forget,
    Receipt,
    Rule,
    control_key,
    request_faults,
    rule_faults,
    user_key,
)
from worker.events import Reject, Rejection
from worker.formats.reader import UNREADABLE
from worker.ports import CompactedTopic
from worker.settings import EventSettings

EVERYONE = ""


@dataclass(slots=True)
class ControlNews:
    """What has changed since last asked.

    Attributes:
        rules: whether other rules hold now; some may have expired.
        requests: whether there are other requests to forget.
    """

    rules: bool = False
    requests: bool = False
    forgets: list[Forget] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)


@dataclass(slots=True)
class Progress:
    """How far a request to forget is fulfilled.

    Attributes:
        done: partitions that are, a bit each.
        of_partitions: how many the topic has, at most as far as is known; 0 = not known.
        snapshots_clean_at: since when, by the last receipt, UTC milliseconds.
    """

    requested_at: int
    done: int = 0
    of_partitions: int = 0
    snapshots_clean_at: int = 0

    def add(self, receipt: Receipt) -> None:
        """Counts a receipt for this request, or for a later one."""
        if receipt.requested_at >= self.requested_at:
            for partition in receipt.partitions:
                self.done |= 1 << partition
            self.of_partitions = max(self.of_partitions, receipt.of_partitions)
            self.snapshots_clean_at = max(self.snapshots_clean_at, receipt.snapshots_clean_at)

    @property
    def is_done(self) -> bool:
        """Whether no partition is left."""
        every = (1 << self.of_partitions) - 1
        return self.of_partitions > 0 and self.done & every == every

    @property
    def partitions(self) -> tuple[int, ...]:
        """Those that are done."""
        return tuple(number for number in range(self.done.bit_length()) if self.done >> number & 1)


class Blocks:
    """What rules block, for everyone and for single users."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        blocks = [rule for rule in rules if rule.action is Action.BLOCK]
        self._items = {(rule.user_id, rule.item_id) for rule in blocks if rule.item_id}
        self._categories = {(rule.user_id, rule.category) for rule in blocks if rule.category}

    def has(self, item_id: str, category: str, user_id: str = EVERYONE) -> bool:
        """Whether the item, which is of this category, may not stand in the user's lists."""
        if not (self._items or self._categories):
            return False
        whose = (EVERYONE, user_id)
        return any((each, item_id) in self._items or (each, category) in self._categories for each in whose)


class Control:
    """Rules and requests by key, as of the last `refresh`.

    Attributes:
        caught_up: whether all that stood in the topic at the start is known.
        rules: those that hold, the oldest first.
        blocks: what the rules among them block.
        forgets: requests to forget, by user id; of several of one user the latest.
        by_key: the same by the users' keys (see `user_key`).
        open: those of them that are not fulfilled everywhere, as far as receipts tell.
    """

    def __init__(self, source: CompactedTopic, limits: EventSettings | None = None) -> None:
        """Records and ids are limited as those of events are."""
        self._source = source
        self._limits = limits or EventSettings()
        self._decode = msgspec.json.Decoder(ControlRecord).decode
        self._rules: dict[str, Rule] = {}
        self._next_expiry_ms = inf
        self._progress: dict[str, Progress] = {}
        self.caught_up = False
        self.rules: tuple[Rule, ...] = ()
        self.blocks = Blocks()
        self.forgets: dict[str, Forget] = {}
        self.by_key: dict[int, Forget] = {}
        self.open: dict[str, Forget] = {}

    def refresh(self, now_ms: int) -> ControlNews:
        """Reads what is new. Raises ServiceUnavailable while the topic cannot be read."""
        news = ControlNews()
        for key, value in self._source.poll():
            if fault := self._take(key, value, now_ms, news):
                self._drop_rule(key, news)  # who reads the topic later does not find it either
                reason, detail = fault
                news.rejections.append(Rejection(reason, f"control: {detail}", -1, -1, key.encode(), value))
        self.caught_up = self.caught_up or self._source.caught_up()
        if news.rules or now_ms >= self._next_expiry_ms:
            news.rules = self._hold(now_ms)
        return news

    def progress(self, user_id: str) -> Progress | None:
        """How far this user is forgotten; None = nobody asked for it."""
        return self._progress.get(user_id)

    def close(self) -> None:
        """Ends reading."""
        self._source.close()

    def _hold(self, now_ms: int) -> bool:
        """Whether other rules hold now."""
        holding = [rule for rule in self._rules.values() if rule.holds(now_ms)]
        rules = tuple(sorted(holding, key=lambda rule: (rule.created_at, rule.id)))
        self._next_expiry_ms = min((rule.expires_at for rule in rules if rule.expires_at is not None), default=inf)
        has_changed, self.rules = rules != self.rules, rules
        if has_changed:
            self.blocks = Blocks(rules)
        return has_changed

    def _take(self, key: str, value: bytes | None, now_ms: int, news: ControlNews) -> tuple[Reject, str] | None:
        """Takes a record in; returns why not."""
        if value is None:
            self._drop(key, news)
            return None
        if len(value) > self._limits.max_record_bytes:
            return Reject.TOO_LARGE, f"{len(value)} bytes; the limit is {self._limits.max_record_bytes}"
        try:
            record = self._decode(value)
        except UNREADABLE as error:
            return Reject.INVALID, str(error)
        for fault in self._faults(key, record, now_ms):
            return Reject.INVALID, fault
        self._keep(record, news)
        return None

    def _faults(self, key: str, record: ControlRecord, now_ms: int) -> Iterator[str]:
        most = self._limits.max_id_characters
        if control_key(record) != key:
            yield "the key does not fit the record"
        yield from rule_faults(record, most) if isinstance(record, Rule) else request_faults(record, now_ms, most)

    def _keep(self, record: ControlRecord, news: ControlNews) -> None:
        if isinstance(record, Rule):
            self._rules[record.id] = record
            news.rules = True
        elif isinstance(record, Forget):
            self._keep_request(record, news)
        elif record.user_id in self._progress:
            self._progress[record.user_id].add(record)
            news.receipts.append(record)
            if self._progress[record.user_id].is_done:
                self.open.pop(record.user_id, None)

    def _keep_request(self, request: Forget, news: ControlNews) -> None:
        """One that a slower clock made earlier than the last one is a part of that."""
        known = self.forgets.get(request.user_id)
        if known is None or known.requested_at < request.requested_at:
            self.forgets[request.user_id] = self.by_key[user_key(request.user_id)] = request
            self.open[request.user_id] = request
            self._progress[request.user_id] = Progress(request.requested_at)
            news.requests = True
            news.forgets.append(request)

    def _drop(self, key: str, news: ControlNews) -> None:
        self._drop_rule(key, news)
        kind, _, name = key.partition(":")
        if kind == "forget" and name in self.forgets:
            del self.forgets[name], self.by_key[user_key(name)], self._progress[name]
            self.open.pop(name, None)
            news.requests = True

    def _drop_rule(self, key: str, news: ControlNews) -> None:
        kind, _, name = key.partition(":")
        if kind == "rule" and name in self._rules:
            del self._rules[name]
            news.rules = True
