"""What the handlers of requests work with."""

from dataclasses import dataclass, field

from worker.api.watch.overview import OverviewWatch
from worker.api.watch.streams import Streams
from worker.catalogue import Catalogue
from worker.control import Control
from worker.ports import ListReader, RecordWriter
from worker.review import ReviewQueue
from worker.settings import Settings


@dataclass(frozen=True, slots=True)
class Service:
    """The services behind the API.

    Attributes:
        records: None = no Kafka is set, and nothing can be written.
        catalogue: titles and categories, as far as they were read.
        control: what people decided, as far as it was read.
        review: what waits for a person, likewise.
        streams, watch: what the console's pages that change by themselves share.
    """

    settings: Settings
    lists: ListReader
    records: RecordWriter | None
    catalogue: Catalogue
    control: Control
    review: ReviewQueue
    streams: Streams = field(init=False)
    watch: OverviewWatch = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "streams", Streams(self.settings.api.max_streams))
        object.__setattr__(self, "watch", OverviewWatch(self.settings.api.workers))
