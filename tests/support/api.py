"""The HTTP API over services in memory."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.testclient import TestClient
from typing_extensions import override

from worker.adapters.memory import MemoryCatalogue
from worker.api.app import application
from worker.api.service import Service
from worker.catalogue import Catalogue
from worker.errors import ServiceUnavailable
from worker.events import Reason, RecommendationList
from worker.ports import ListReader, RecordWriter
from worker.prometheus_requests import ApiMetrics
from worker.settings import load

GENERATED_AT = 1_700_000_000_000


def made_list(*items: str, **reason: Any) -> RecommendationList:
    """A list of these items, with scores that descend."""
    scores = [1 / rank for rank in range(1, len(items) + 1)]
    reasons = [Reason("popular_fast", **reason) for _ in items]
    return RecommendationList("", list(items), scores, reasons, "m", GENERATED_AT)


class Lists(ListReader):
    """Lists in memory.

    Attributes:
        available: False = each reading fails.
    """

    def __init__(self, popular: RecommendationList | None, **own: RecommendationList) -> None:
        self.popular = popular
        self.own = dict(own)
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
    """The API, who asks it, and what is behind it."""

    def __init__(self, lists: Lists, items: Mapping[str, bytes | None] | None = None, **settings: Any) -> None:
        """`items` are the catalogue's records by id; `a__b=c` sets a.b."""
        overrides = {name.replace("__", "."): value for name, value in settings.items()}
        self.lists, self.records, self.metrics = lists, Records(), ApiMetrics()
        catalogue = Catalogue(MemoryCatalogue(items))
        catalogue.refresh()
        loaded = load(overrides=overrides, environment={})
        self.service = Service(loaded, self.lists, self.records, catalogue)
        self.app = application(self.service, self.metrics)
        self.client = TestClient(self.app, raise_server_exceptions=True)
