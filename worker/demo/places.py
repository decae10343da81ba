"""Where the demo runs: its services, its folder, and the worker's settings that follow from them."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from worker.embedded.chosen import own_unless_named
from worker.embedded.services import EmbeddedServices
from worker.settings import Settings, load, topics_called

DEMO_SETTINGS: Mapping[str, Any] = {
    "events.format": "millrace",
    # Wholesale baskets of hundreds of lines are filled within seconds here: the cap on robots would turn them away.
    "clean.max_user_events_per_minute": 0,
    "lists.popular_interval_seconds": 1,
    "lists.explanations": True,  # for those who ask in the console why an item is there
    "lists.recent_events": 10,
    "snapshots.interval_seconds": 10,
    "health.port": 0,
    "run.service_wait_seconds": 30,
}
BORROWED_LIST_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Place:
    """Services that answer, and a folder.

    Attributes:
        own: what of the settings is the demo's own, for a process beside it.
        borrowed: the services were running before, and others may use them.
        lasting: what the demo leaves is to stay.
        resumed: an earlier demo ran here, whose worker learned the sample.
        check: raises ServiceUnavailable when a service of ours has ended.
    """

    settings: Settings
    own: Mapping[str, Any]
    folder: Path
    borrowed: bool
    lasting: bool
    resumed: bool
    check: Callable[[], None]

    @property
    def kafka_address(self) -> str:
        """For people."""
        return self.settings.kafka.bootstrap_servers or ""

    @property
    def redis_address(self) -> str:
        """For people: without the password."""
        parts = urlsplit(self.settings.redis.url.get_secret_value() if self.settings.redis.url else "")
        return f"{parts.hostname}:{parts.port or 6379}"


@contextmanager
def opened(folder: Path | None) -> Iterator[Place]:
    """A place to run in: the services that the settings name, or a Kafka and a Valkey of our own.

    In a given `folder` all that the demo writes stays, and the next demo goes on from there; without one nothing stays.
    Raises ConfigurationError when only one of the two addresses is set, ServiceUnavailable when ours do not start.
    """
    with own_unless_named(load(), folder and folder.absolute()) as services:
        if services is not None:
            yield _embedded(services, folder)
            return
        with _folder(folder) as own:
            yield _borrowed(own, lasting=folder is not None)


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    with ExitStack() as stack:
        folder = given or Path(stack.enter_context(TemporaryDirectory(prefix="millrace-demo-")))
        yield folder.absolute()


def _embedded(services: EmbeddedServices, folder: Path | None) -> Place:
    # In the broker's temporary folder, which goes even when we are killed.
    own = (folder.absolute() if folder else services.kafka.folder) / "demo"
    addresses = {"kafka.bootstrap_servers": services.bootstrap_servers, "redis.url": services.redis_url}
    return _place(own, addresses, lasting=folder is not None, borrowed=False, check=services.check)


def _borrowed(folder: Path, *, lasting: bool) -> Place:
    """Topics and a group of the folder's own, so that the demo mixes with nobody's events."""
    name = f"millrace-demo-{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}"
    own = {
        **{f"kafka.{setting}": topic for setting, topic in topics_called(name).items()},
        "kafka.group_id": name,
        "lists.ttl_seconds": BORROWED_LIST_SECONDS,
    }
    return _place(folder, own, lasting=lasting, borrowed=True, check=lambda: None)


def _place(folder: Path, own: Mapping[str, Any], *, lasting: bool, borrowed: bool, check: Callable[[], None]) -> Place:
    snapshots = folder / "snapshots"
    resumed = snapshots.exists()
    folder.mkdir(parents=True, exist_ok=True)
    own = {**DEMO_SETTINGS, **own}
    settings = load(overrides={**own, "snapshots.directory": snapshots, "snapshots.url": ""})
    return Place(settings, own, folder, borrowed, lasting, resumed, check)
