"""The HTTP API over services in memory."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.testclient import TestClient
from typing_extensions import override

from tests.support.control import ControlTopic
from worker.adapters.memory import MemoryTable
from worker.api.app import application
from worker.api.service import Service
from worker.catalogue import Catalogue
from worker.control import Control
from worker.errors import ServiceUnavailable
from worker.events import Reason, RecommendationList, SimilarItems
from worker.ports import ListReader, RecordWriter
from worker.prometheus_requests import ApiMetrics
from worker.review import ReviewQueue
from worker.rules import ListRules
from worker.settings import load

GENERATED_AT = 1_700_000_000_000


def made_list(*items: str, **reason: Any) -> RecommendationList:
    """A list of these items, with scores that descend."""
    scores = [1 / rank for rank in range(1, len(items) + 1)]
    reasons = [Reason("popular_fast", **reason) for _ in items]
    return RecommendationList("", list(items), scores, reasons, "m", GENERATED_AT)


def made_similar(*items: str, **others: Any) -> SimilarItems:
    """These items go with one, with scores that descend; the last is only described like it."""
    scores = [1 / rank for rank in range(1, len(items) + 1)]
    told = {"popularity": 0.01, "trend": 1.5, "lists": 7, "events": 30, "together": max(0, len(items) - 1)}
    return SimilarItems(list(items), scores, "m", GENERATED_AT, **(told | others))


class Lists(ListReader):
    """Lists in memory.

    Attributes:
        similar: what goes with items, by item id.
        available: False = each reading fails.
    """

    def __init__(self, popular: RecommendationList | None, **own: RecommendationList) -> None:
        self.popular = popular
        self.own = dict(own)
        self.similar: dict[str, SimilarItems] = {}
        self.available = True

    @override
    async def read(self, user_id: str) -> RecommendationList | None:
        self._require()
        return self.own.get(user_id)

    @override
    async def read_popular(self) -> RecommendationList | None:
        self._require()
        return self.popular

    @override
    async def read_similar(self, item_ids: Sequence[str]) -> list[SimilarItems | None]:
        self._require()
        return list(map(self.similar.get, item_ids))

    @override
    async def close(self) -> None:
        pass

    def _require(self) -> None:
        if not self.available:
            raise ServiceUnavailable("Redis at secret-host is away", "start it")


class Records(RecordWriter):
    """Keeps what is written.

    Attributes:
        written: (topic, key, value).
        available: False = each writing fails.
    """

    def __init__(self) -> None:
        self.written: list[tuple[str, str, bytes | None]] = []
        self.available = True

    @override
    async def write(self, topic: str, records: Sequence[tuple[str, bytes | None]]) -> None:
        if not self.available:
            raise ServiceUnavailable("Kafka at secret-host is away", "start it")
        self.written += [(topic, key, value) for key, value in records]

    @override
    def close(self) -> None:
        pass


class Api:
    """The API, who asks it, and what is behind it: `look` reads its topics."""

    def __init__(self, lists: Lists, items: Mapping[str, bytes | None] | None = None, **settings: Any) -> None:
        """`items` are the catalogue's records by id; `a__b=c` sets a.b."""
        overrides = {name.replace("__", "."): value for name, value in settings.items()}
        self.lists, self.records, self.metrics = lists, Records(), ApiMetrics()
        loaded = load(overrides=overrides, environment={})
        catalogue = Catalogue(MemoryTable(items), ListRules(loaded.lists))
        catalogue.refresh()
        self.control = ControlTopic()
        self._control = Control(self.control.open())
        self.review = MemoryTable()
        self._queue = ReviewQueue(self.review)
        self.service = Service(loaded, self.lists, self.records, catalogue, self._control, self._queue)
        self.app = application(self.service, self.metrics)
        self.client = TestClient(self.app, base_url="http://localhost", raise_server_exceptions=True)

    def look(self) -> None:
        """Reads what came into the topics of control and review."""
        self._control.refresh(GENERATED_AT)
        self._queue.refresh()
