"""The store of lists: shared by all simulated processes, and as one of them sees it."""

from collections.abc import Iterable, Mapping

from typing_extensions import override

from tests.recovery.simulator.oracle import Oracle
from tests.recovery.simulator.scheduler import Scheduler
from tests.recovery.simulator.trouble import Trouble
from worker.adapters.memory import MemoryLists
from worker.errors import ServiceUnavailable
from worker.events import LAST_POSITION, RecommendationList, SimilarItems
from worker.ports import ListSink


class SharedLists:
    """The store of lists, which all processes write to.

    Attributes:
        memory: what stands there.
        trouble: what it meets writes with.
        late: writes that were given up for lost and still arrive.
    """

    def __init__(self, oracle: Oracle) -> None:
        self.memory = MemoryLists()
        self.trouble = Trouble.NONE
        self.late: list[Mapping[str, RecommendationList]] = []
        self._oracle = oracle

    def land(self, lists: Mapping[str, RecommendationList]) -> int:
        """They arrive; returns how many were refused."""
        before = dict(self.memory.lists)
        refused = self.memory.publish(lists)
        for user in lists:
            if user in before and self.memory.lists[user] is not before[user]:
                self._oracle.overwritten(user, before[user], self.memory.lists[user])
        return refused


class SimulatedLists(ListSink):
    """The store of lists as one process sees it."""

    def __init__(self, shared: SharedLists, scheduler: Scheduler) -> None:
        self._shared = shared
        self._scheduler = scheduler

    @override
    def publish(self, lists: Mapping[str, RecommendationList]) -> int:
        self._scheduler.step(f"publish { {user: each.position for user, each in lists.items()} }")
        match self._shared.trouble:
            case Trouble.LATE:
                self._shared.late.append(lists)
            case Trouble.UNACKNOWLEDGED:
                self._shared.land(lists)
            case Trouble.PARTLY:
                self._shared.land(dict(list(lists.items())[: len(lists) // 2]))
        self.ping()
        refused = self._shared.land(lists)
        self._scheduler.step(f"published, {refused} refused")
        return refused

    @override
    def publish_popular(self, popular: RecommendationList) -> None:
        self._scheduler.step("publish popular")
        self.ping()
        self._shared.memory.publish_popular(popular)

    @override
    def publish_similar(self, records: Mapping[str, SimilarItems]) -> None:
        self._scheduler.step("publish similar items")
        self.ping()
        self._shared.memory.publish_similar(records)

    @override
    def read_similar(self, item_id: str) -> SimilarItems | None:
        self.ping()
        return self._shared.memory.read_similar(item_id)

    @override
    def remove_similar(self, item_ids: Iterable[str]) -> None:
        self._scheduler.step("remove similar items")
        self.ping()
        self._shared.memory.remove_similar(item_ids)

    @override
    def read(self, user_id: str) -> RecommendationList | None:
        self.ping()
        return self._shared.memory.read(user_id)

    @override
    def read_popular(self) -> RecommendationList | None:
        self.ping()
        return self._shared.memory.read_popular()

    @override
    def remove(self, user_ids: Iterable[str], up_to: str = LAST_POSITION) -> None:
        self._scheduler.step("remove lists")
        self.ping()
        self._shared.memory.remove(user_ids, up_to)

    @override
    def remove_popular(self) -> None:
        self.ping()
        self._shared.memory.remove_popular()

    @override
    def mark(self) -> str:
        self.ping()
        return self._shared.memory.mark()

    @override
    def ping(self) -> None:
        if self._shared.trouble is not Trouble.NONE:
            raise ServiceUnavailable(f"the store of lists is in trouble: {self._shared.trouble.value}")

    @override
    def close(self) -> None:
        self._scheduler.step("close lists")
