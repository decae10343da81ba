"""Where the replays run: services of our own or those that the settings name, and in them a place for each replay."""

import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from models.batch import Interactions
from producers.kafka_writer import ensure_topics, remove_topics, standard_topics
from worker.assembly import open_lists
from worker.embedded.chosen import own_unless_named
from worker.served.run_settings import changed, run_settings
from worker.settings import Settings


@dataclass(frozen=True, slots=True)
class Site:
    """Services that answer, and a folder that goes at the end.

    Attributes:
        settings: as given, with the services' addresses.
    """

    settings: Settings
    folder: Path

    @contextmanager
    def place(self, stream: Interactions, refresh_seconds: float) -> Iterator[Settings]:
        """Settings of a worker with new topics and keys of its own, which are gone at the end."""
        name = f"millrace-served-{uuid4().hex[:8]}"
        settings = run_settings(self.settings, stream, name, self.folder, refresh_seconds)
        topics = standard_topics(settings.kafka)
        try:
            ensure_topics(settings.kafka, topics)
            yield settings
        finally:
            try:
                _remove_lists(settings, stream)
            finally:
                remove_topics(settings.kafka, topics)


@contextmanager
def opened(settings: Settings, say: Callable[[str], None]) -> Iterator[Site]:
    """The services that the settings name, or a Kafka and a Valkey of our own. For the main thread only.

    SIGTERM ends it in order, as Ctrl-C does. Raises ConfigurationError when only one of the two addresses is set,
    ServiceUnavailable when ours do not start.
    """
    if settings.kafka.bootstrap_servers is None:
        say("starting a Kafka and a Valkey of our own")
    with _sigterm_as_ctrl_c(), own_unless_named(settings) as own:
        if own is None:
            with TemporaryDirectory(prefix="millrace-served-") as folder:
                yield Site(settings, Path(folder))
        else:
            addresses = {"bootstrap_servers": own.bootstrap_servers}
            with_addresses = changed(settings, kafka=addresses, redis={"url": own.redis_url})
            yield Site(with_addresses, own.kafka.folder / "served")  # it goes even when we are killed


def _remove_lists(settings: Settings, stream: Interactions) -> None:
    with closing(open_lists(settings)) as lists:
        lists.remove(set(stream.users))
        lists.remove_popular()


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
