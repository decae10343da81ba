"""The services that a measurement starts for itself, the topics in them, and a worker's settings for each run."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from producers.columns import EventColumns
from producers.kafka_writer import KafkaWriter, ensure_topics, standard_topics
from worker.bench.stream import ending_now, parts
from worker.embedded.services import EmbeddedServices
from worker.settings import Settings, load

EVENTS_PER_WRITE = 20_000

# Every check runs, but these two cannot turn real events away that were squeezed or repeated.
CLEAN = {"clean.max_user_events_per_minute": 1_000_000, "clean.max_age_days": 365_000}

# As an operator would set it under such a load: at 1, an event costs about fifty microseconds more.
LOAD = {"learning.ranker_share": 0.001}


class Services:
    """A real Kafka and a real Valkey of our own; what the settings of the machine name stays untouched."""

    def __init__(self, embedded: EmbeddedServices, folder: Path) -> None:
        self.embedded = embedded
        self._folder = folder
        self._runs = itertools.count()

    def settings(self, topic: str, **others: Any) -> Settings:
        """A worker that starts from nothing: a new group and an empty snapshot folder; all else by default.

        `others` bear the setting's name with two underscores: `refresh__budget`.
        """
        run = f"bench-{next(self._runs)}"
        given = {
            "kafka.bootstrap_servers": self.embedded.bootstrap_servers,
            "kafka.events_topic": topic,
            "kafka.group_id": run,
            "redis.url": self.embedded.redis_url,
            "snapshots.directory": str(self._folder / run),
        }
        own = {name.replace("__", "."): value for name, value in others.items()}
        return load(overrides=given | CLEAN | LOAD | own, environment={})

    def new_topic(self, topic: str) -> None:
        """Creates the topic, and those that every worker needs."""
        kafka = self.settings(topic).kafka
        ensure_topics(kafka, standard_topics(kafka))

    def fill(self, topic: str, events: EventColumns, batch_events: int = 1) -> None:
        """Writes the events into the new topic, at times that end now."""
        self.new_topic(topic)
        with KafkaWriter(self.settings(topic).kafka, batch_events=batch_events) as writer:
            for part in parts(ending_now(events), EVENTS_PER_WRITE):
                writer.write(part)
            writer.flush()

    def forget_lists(self) -> None:
        """Empties Valkey, in which the lists of a run before would pass for newer ones."""
        self.embedded.valkey.stop()
        self.embedded.valkey.start()


@contextmanager
def own_services() -> Iterator[Services]:
    """Starts both; nothing stays behind."""
    with TemporaryDirectory(prefix="millrace-bench-") as folder, EmbeddedServices() as embedded:
        yield Services(embedded, Path(folder))
