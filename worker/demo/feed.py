"""Feeds the shipped sample, many shoppers at once, again and again, at times that are now."""

from collections.abc import Callable
from threading import Event

from producers.catalogue import read_items
from producers.importers import EventFile
from producers.kafka_writer import KafkaWriter
from producers.pacing import Pace
from producers.replay import replay
from producers.sample import sample_events_path, sample_items_path
from worker.demo.shoppers import Shoppers
from worker.demo.task import Task
from worker.settings import KafkaSettings

SHOPPERS = 200  # at 1,000 events a second, a basket then takes five seconds on average
CREDIT = "UCI Online Retail by Daqing Chen, CC BY 4.0"


def feeding(kafka: KafkaSettings, rate: float, stop: Event) -> Task[int]:
    """Sends the catalogue, then events until `stop` is set; a task that returns how many events were sent.

    A thread: next to a process of its own it left the worker's freshness the same at 1,000 and at 5,000 events a
    second, starts three seconds sooner, and ends with us, however we end.
    """
    return Task("feed", _feed(kafka, rate, stop))


def _feed(kafka: KafkaSettings, rate: float, stop: Event) -> Callable[[], int]:
    def feed() -> int:
        with KafkaWriter(kafka) as writer:
            writer.write_items(read_items(sample_items_path()))
            return replay(
                Shoppers(EventFile(sample_events_path()), SHOPPERS), writer, Pace(rate=rate), loop=True, stop=stop
            )

    return feed


def titles() -> dict[str, str]:
    """The sample's titles by item."""
    return {item.item_id: item.title for item in read_items(sample_items_path())}


def user_ids() -> set[str]:
    """All users of the sample."""
    return {user for batch in EventFile(sample_events_path()) for user in batch.user_ids}
