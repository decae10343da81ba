"""Control: what the `control` topic says at present."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from worker.control_records import Action, ControlRecord, Forget, Receipt, Rule, control_key, rule_faults
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
        forgets: requests to forget, by user id.
        open: those of them for which no receipt is there yet.
    """

    def __init__(self, source: CompactedTopic, limits: EventSettings | None = None) -> None:
        """Records and ids are limited as those of events are."""
        self._source = source
        self._limits = limits or EventSettings()
        self._decode = msgspec.json.Decoder(ControlRecord).decode
        self._records: dict[str, Rule] = {}
        self._receipts: dict[str, Receipt] = {}
        self.caught_up = False
        self.rules: tuple[Rule, ...] = ()
        self.blocks = Blocks()
        self.forgets: dict[str, Forget] = {}
        self.open: dict[str, Forget] = {}

    def refresh(self, now_ms: int) -> ControlNews:
        """Reads what is new. Raises ServiceUnavailable while the topic cannot be read."""
        news = ControlNews()
        for key, value in self._source.poll():
            if fault := self._take(key, value, news):
                reason, detail = fault
                news.rejections.append(Rejection(reason, f"control: {detail}", -1, -1, key.encode(), value))
        self.caught_up = self.caught_up or self._source.caught_up()
        rules = _holding(self._records.values(), now_ms)
        news.rules, self.rules = rules != self.rules, rules
        if news.rules:
            self.blocks = Blocks(rules)
        return news

    def receipts(self, user_id: str) -> list[Receipt]:
        """That this user was forgotten, by partition, for the last request."""
        request = self.forgets.get(user_id)
        given = [each for each in list(self._receipts.values()) if each.user_id == user_id]
        return [each for each in given if request and each.requested_at == request.requested_at]

    def close(self) -> None:
        """Ends reading."""
        self._source.close()

    def _take(self, key: str, value: bytes | None, news: ControlNews) -> tuple[Reject, str] | None:
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
        if control_key(record) != key:
            return Reject.INVALID, "the key does not fit the record"
        if isinstance(record, Rule):
            return self._take_rule(record)
        self._take_request(record, news)
        return None

    def _take_rule(self, rule: Rule) -> tuple[Reject, str] | None:
        for fault in rule_faults(rule, self._limits.max_id_characters):
            return Reject.INVALID, fault
        self._records[rule.id] = rule
        return None

    def _take_request(self, record: Forget | Receipt, news: ControlNews) -> None:
        if isinstance(record, Forget):
            self.forgets[record.user_id] = self.open[record.user_id] = record
            news.requests = True
            news.forgets.append(record)
        else:
            self._receipts[control_key(record)] = record
            news.receipts.append(record)
            request = self.open.get(record.user_id)
            if request and request.requested_at <= record.requested_at:
                del self.open[record.user_id]

    def _drop(self, key: str, news: ControlNews) -> None:
        kind, _, name = key.partition(":")
        if kind == "rule":
            self._records.pop(name, None)
        elif kind == "forget":
            self.forgets.pop(name, None)
            self.open.pop(name, None)
            news.requests = True
        else:
            self._receipts.pop(key, None)


def _holding(rules: Iterable[Rule], now_ms: int) -> tuple[Rule, ...]:
    return tuple(sorted((rule for rule in rules if rule.holds(now_ms)), key=lambda rule: (rule.created_at, rule.id)))
