"""What the handlers of requests work with."""

from dataclasses import dataclass

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
    """

    settings: Settings
    lists: ListReader
    records: RecordWriter | None
    catalogue: Catalogue
    control: Control
    review: ReviewQueue
