"""Enforcement: what people decide, by way of the control topic, comes to hold for models, lists and snapshots."""

from collections.abc import Callable, Iterable, Mapping

import structlog

from worker.catalogue import Catalogue
from worker.control import Control
from worker.control_records import Forget, Receipt, control_key
from worker.erasure import user_key
from worker.events import Rejection
from worker.notes import Notes
from worker.observers import Observer
from worker.partition import OwnedPartition
from worker.pipeline import Pipeline
from worker.ruling import ruled

Owned = Mapping[int, OwnedPartition]

log = structlog.get_logger(__name__)


class Enforcement:
    """Reads the control topic and carries out what stands there."""

    def __init__(
        self,
        control: Control,
        catalogue: Catalogue,
        pipeline: Pipeline,
        notes: Notes,
        partition_of: Callable[[str], int],
    ) -> None:
        """`partition_of` tells where the events of a user go."""
        self._control = control
        self._catalogue = catalogue
        self._pipeline = pipeline
        self._notes = notes
        self._partition_of = partition_of

    def may_rank(self) -> bool:
        """Whether lists can keep the rules: once all that stood in the topic was read."""
        return self._control.caught_up

    @property
    def is_erasing(self) -> bool:
        """Whether users wait for a receipt that they were forgotten."""
        return bool(self._control.open)

    def look(self, owned: Owned) -> tuple[bool, list[Rejection]]:
        """Reads what is new and carries it out; returns whether other rules hold now, and what was unreadable.

        Raises ServiceUnavailable while the topic cannot be read.
        """
        news = self._control.refresh(self._notes.clock.now_ms())
        if news.rules:
            self._rule(owned)
        if news.requests:
            self._pipeline.bygone.set(self._control.forgets)
        for partition in owned.values():
            self._forget(partition, news.forgets)
        for receipt in news.receipts:
            if receipt.partition in owned:
                owned[receipt.partition].erased.settle(receipt.user_id, receipt.requested_at)
        return news.rules, news.rejections

    def catalogue_changed(self, owned: Owned) -> None:
        """Items came into categories, or left them."""
        if any(rule.category for rule in self._control.rules):
            self._rule(owned)

    def adopt(self, partition: OwnedPartition) -> None:
        """The partition came to us, in a state in which some requests may not be fulfilled yet."""
        self._forget(partition, self._control.forgets.values())

    def send_receipts(self, due: Mapping[int, Mapping[int, int]]) -> None:
        """Leaves receipts in the control topic, for everyone to read: of these users, by partition what is due.

        No snapshot holds anything of them any more. What gets lost on its way stays due.
        """
        if not any(due.values()):
            return
        asked = {user_key(user): request for user, request in self._control.forgets.items()}
        for partition, requests in due.items():
            for key, requested_at in requests.items():
                if key in asked and asked[key].requested_at == requested_at:
                    self._send_receipt(asked[key], partition)

    def _send_receipt(self, request: Forget, partition: int) -> None:
        now_ms = self._notes.clock.now_ms()
        receipt = Receipt(request.user_id, partition, request.requested_at, now_ms, self._notes.worker)
        self._notes.leave(control_key(receipt), receipt)

    def tell(self, observer: Observer) -> None:
        """How many rules hold, and who waits for a receipt."""
        waiting, now_ms = self._control.open.values(), self._notes.clock.now_ms()
        first_ms = min((request.requested_at for request in waiting), default=now_ms)
        observer.controlled(len(self._control.rules), len(waiting), (now_ms - first_ms) / 1000)

    def close(self) -> None:
        """Ends reading and writing."""
        self._control.close()
        self._notes.records.close()

    def _rule(self, owned: Owned) -> None:
        rules = self._control.rules
        self._pipeline.rule(ruled(rules, self._catalogue.items_of), list(owned.values()))
        log.info("rules for lists have changed", rules=len(rules))

    def _forget(self, partition: OwnedPartition, requests: Iterable[Forget]) -> None:
        """Where a user was, or would be by the key, a receipt is due."""
        for request in requests:
            if not partition.erased.has(request):
                is_home = self._partition_of(request.user_id) == partition.number
                is_due = self._pipeline.forget_user(partition, request.user_id, is_home=is_home)
                partition.erased.note(request, is_due=is_due)
