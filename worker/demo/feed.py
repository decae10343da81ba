"""Feeds the shipped sample, many shoppers at once, again and again, at times that are now."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event

from producers.catalogue import read_items
from producers.columns import EventColumns
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


@dataclass(frozen=True, slots=True)
class Feed:
    """What is sent where.

    Attributes:
        rate: events a second.
        stop: ends it.
        on_repeat: is called each time that the sample begins again.
    """

    kafka: KafkaSettings
    rate: float
    stop: Event
    on_repeat: Callable[[], None]

    def begin(self) -> Task[int]:
        """Sends the catalogue, then events; a task that returns how many were sent.

        A thread: next to a process of its own it left the worker's freshness the same at 1,000 and at 5,000 events a
        second, starts three seconds sooner, and ends with us, however we end.
        """
        return Task("feed", self._send)

    def _send(self) -> int:
        with KafkaWriter(self.kafka) as writer:
            writer.write_items(read_items(sample_items_path()))
            events = Passes(Shoppers(EventFile(sample_events_path()), SHOPPERS), self.on_repeat)
            return replay(events, writer, Pace(rate=self.rate), loop=True, stop=self.stop)


class Passes:
    """Events that tell when they are gone through again."""

    def __init__(self, events: Shoppers, on_repeat: Callable[[], None]) -> None:
        self._events = events
        self._on_repeat = on_repeat
        self._begun = False

    def __iter__(self) -> Iterator[EventColumns]:
        if self._begun:
            self._on_repeat()
        self._begun = True
        return iter(self._events)


def titles() -> dict[str, str]:
    """The sample's titles by item."""
    return {item.item_id: item.title for item in read_items(sample_items_path())}


def user_ids() -> set[str]:
    """All users of the sample."""
    return {user for batch in EventFile(sample_events_path()) for user in batch.user_ids}
