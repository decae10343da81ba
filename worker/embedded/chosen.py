"""Services for a command that needs some: those that the settings name, or ones of our own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from worker.embedded.services import EmbeddedServices
from worker.errors import ConfigurationError
from worker.settings import Settings


@contextmanager
def own_unless_named(settings: Settings, folder: Path | None = None) -> Iterator[EmbeddedServices | None]:
    """A Kafka and a Valkey of our own, with their data in `folder`; None when the settings name both.

    Raises ConfigurationError when only one of the two addresses is set, ServiceUnavailable when ours do not start.
    """
    addresses = (settings.kafka.bootstrap_servers, settings.redis.url)
    if all(addresses):
        yield None
    elif any(addresses):
        raise ConfigurationError(
            f"the settings name {'Kafka' if addresses[0] else 'Redis'} only",
            "set MILLRACE_KAFKA__BOOTSTRAP_SERVERS and MILLRACE_REDIS__URL, or neither: ones of our own then start",
        )
    else:
        with EmbeddedServices(folder) as services:
            yield services
