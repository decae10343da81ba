"""Kafka and Valkey together, for the demo and for development."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from worker.embedded.kafka_broker import KafkaBroker
from worker.embedded.valkey_server import ValkeyServer
from worker.errors import ServiceUnavailable

WATCH_SECONDS = 1.0


class EmbeddedServices:
    """A Kafka and a Valkey that end with this process; their data outlive it only in a given folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self.kafka = KafkaBroker(folder and folder / "kafka")
        self.valkey = ValkeyServer(folder and folder / "valkey", persist=folder is not None)

    @property
    def bootstrap_servers(self) -> str:
        return self.kafka.bootstrap_servers

    @property
    def redis_url(self) -> str:
        return self.valkey.url

    def start(self) -> None:
        """Returns when both answer; if one fails, neither stays. Raises as they do."""
        try:
            self.valkey.start()  # takes a tenth of a second: threads would gain nothing and hinder Ctrl-C
            self.kafka.start()
        except BaseException:  # an interrupt, too, must leave nothing behind; raised again
            self.close()
            raise

    def check(self) -> None:
        """Raises ServiceUnavailable when one of them has ended."""
        for each in (self.kafka, self.valkey):
            if not each.running:
                raise ServiceUnavailable(f"the embedded {each.name} has ended", "start again")

    def close(self) -> None:
        """Ends both; temporary data go."""
        self.kafka.close()
        self.valkey.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def run_services(folder: Path | None, echo: Callable[[str], None]) -> None:
    """Runs both until SIGINT or SIGTERM, after telling their addresses; data survive only in `folder`.

    Raises ServiceUnavailable when one cannot start or ends by itself.
    """
    echo("Starting Kafka and Valkey ...")
    with EmbeddedServices(folder) as services, _stop_signal() as stopped:
        for line in _description(services):
            echo(line)
        while not stopped.wait(WATCH_SECONDS):
            services.check()
        echo("Stopping ...")


def _description(services: EmbeddedServices) -> list[str]:
    return [
        f"Kafka   {services.bootstrap_servers}   (process {services.kafka.pid}, {services.kafka.folder})",
        f"Redis   {services.redis_url}   (process {services.valkey.pid}, {services.valkey.folder})",
        "",
        f"export MILLRACE_KAFKA__BOOTSTRAP_SERVERS={services.bootstrap_servers}",
        f"export MILLRACE_REDIS__URL={services.redis_url}",
        "",
        "Ctrl-C stops them.",
    ]


@contextmanager
def _stop_signal() -> Iterator[threading.Event]:
    """An event that SIGINT or SIGTERM sets, in place of ending the process."""
    stopped = threading.Event()
    before = {each: signal.signal(each, lambda *_: stopped.set()) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
