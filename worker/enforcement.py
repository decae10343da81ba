"""Enforcement: what people decide, by way of the control topic, comes to hold for models, lists and snapshots."""

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from itertools import islice

import structlog

from worker.catalogue import Catalogue
from worker.control import Control
from worker.control_records import Forget, Receipt, control_key, user_key
from worker.erasure import Fulfilled
from worker.events import Rejection
from worker.notes import Notes
from worker.observers import Observer
from worker.partition import OwnedPartition
from worker.pipeline import Pipeline
from worker.ruling import ruled

FORGET_SECONDS = 0.05
LISTS_AT_ONCE = 100

Owned = Mapping[int, OwnedPartition]

log = structlog.get_logger(__name__)


class Enforcement:
    """Reads the control topic and carries out what stands there; of what takes long, some at a time."""

    def __init__(
        self, control: Control, catalogue: Catalogue, pipeline: Pipeline, notes: Notes, partitions: Callable[[], int]
    ) -> None:
        """`partitions` tells how many the topic has, 0 = not known yet."""
        self._control = control
        self._catalogue = catalogue
        self._pipeline = pipeline
        self._notes = notes
        self._partitions = partitions
        self._waiting: deque[tuple[int, Forget]] = deque()
        self._lists: dict[int, tuple[str, int]] = {}  # by user's key, whose list is to go, and if made up to when

    @property
    def has_read(self) -> bool:
        """Whether all that stood in the topic is known: before that, nothing is learned and no list is made."""
        return self._control.caught_up

    @property
    def is_erasing(self) -> bool:
        """Whether users wait for receipts that they were forgotten."""
        return bool(self._control.open)

    def look(self, owned: Owned) -> tuple[bool, list[Rejection]]:
        """Reads what is new and carries it out; returns whether other rules hold now, and what was unreadable.

        Raises ServiceUnavailable while the topic cannot be read.
        """
        news = self._control.refresh(self._notes.clock.now_ms())
        if news.rules:
            self._rule(owned)
        if news.requests and self.has_read:
            self._take_requests(owned, news.forgets)
        for receipt in news.receipts:
            for number in owned.keys() & set(receipt.partitions):
                owned[number].erased.settle(receipt.user_id, receipt.requested_at)
        self._forget_some(owned)
        self._remove_some_lists()
        return news.rules, news.rejections

    def catalogue_changed(self, owned: Owned) -> bool:
        """Items came into categories, or left them; whether that matters to a rule."""
        changed = self._catalogue.take_changed_categories()
        concerned = any(rule.category in changed for rule in self._control.rules if rule.category)
        if concerned:
            self._rule(owned)
        return concerned

    def adopt(self, partition: OwnedPartition) -> None:
        """The partition came to us, in a state in which some requests may not be fulfilled yet.

        They are at once: whoever comes back in the events that wait must not be forgotten after them.
        """
        partition.erased.keep_only(self._control.by_key)
        self._pipeline.bygone.set(self._control.forgets)
        for request in self._control.forgets.values():
            self._fulfil(partition, request)
        for key, fulfilled in partition.erased.due().items():
            self._lists[key] = self._control.by_key[key].user_id, fulfilled.erased_at

    def send_receipts(self, due: Mapping[int, Mapping[int, Fulfilled]]) -> None:
        """Leaves receipts in the control topic, for everyone to read: of these users, by partition what is due.

        No snapshot of the partitions holds anything of them any more. What gets lost on its way stays due, and so does
        whose list could not be removed yet.
        """
        by_user: dict[int, list[int]] = defaultdict(list)
        for partition, requests in due.items():
            for key, fulfilled in requests.items():
                request = self._control.by_key.get(key)
                if request and key not in self._lists and fulfilled.requested_at >= request.requested_at:
                    by_user[key].append(partition)
        of_partitions = self._partitions()
        for key, partitions in by_user.items() if of_partitions else ():
            self._send_receipt(self._control.by_key[key], partitions, of_partitions)

    def _send_receipt(self, request: Forget, partitions: Sequence[int], of_partitions: int) -> None:
        """With all that is known to be done: of our receipts for a user only the last one stays in the topic."""
        progress = self._control.progress(request.user_id)
        done = tuple(sorted({*partitions, *(progress.partitions if progress else ())}))
        worker, now_ms = self._notes.worker, self._notes.clock.now_ms()
        receipt = Receipt(request.user_id, worker, request.requested_at, done, of_partitions, now_ms)
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

    def _take_requests(self, owned: Owned, forgets: Sequence[Forget]) -> None:
        self._pipeline.bygone.set(self._control.forgets)
        for partition in owned.values():
            partition.erased.keep_only(self._control.by_key)
            self._waiting.extend((partition.number, request) for request in forgets)

    def _forget_some(self, owned: Owned) -> None:
        """Forgetting looks through all items: several users at once would hold the line up."""
        clock = self._notes.clock
        deadline = clock.monotonic() + FORGET_SECONDS
        while self._waiting and clock.monotonic() < deadline:
            number, request = self._waiting.popleft()
            if number in owned and request.user_id in self._control.forgets:
                self._fulfil(owned[number], request)

    def _fulfil(self, partition: OwnedPartition, request: Forget) -> None:
        if not partition.erased.has(request):
            self._pipeline.forget_user(partition, request.user_id)
            now_ms = self._notes.clock.now_ms()
            partition.erased.note(request, now_ms)
            self._lists[user_key(request.user_id)] = request.user_id, now_ms

    def _remove_some_lists(self) -> None:
        """Those made since are of who came back; while the store is away, they wait, and no receipt is given."""
        for key in list(islice(self._lists, LISTS_AT_ONCE)):
            if not self._pipeline.remove_list(*self._lists[key]):
                return
            del self._lists[key]
