"""The cache folder that holds what an embedded Kafka needs: its jars, and storage formatted once."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from worker.embedded.kafka_config import java_command, server_properties
from worker.embedded.kafka_jars import KAFKA_VERSION, fetch_jars
from worker.errors import ConfigurationError, ServiceUnavailable

LOCK_SECONDS = 600.0
FORMAT_SECONDS = 120.0
TEMPLATE_CLUSTER_ID = "millrace-formatted-000"


@dataclass(frozen=True, slots=True)
class KafkaFiles:
    """What a broker is made of.

    Attributes:
        jars: the class path's folder.
        formatted: an empty storage folder, to copy (formatting takes a JVM of its own, a second or more).
    """

    jars: Path
    formatted: Path


def kafka_files(java: Path, cache: Path | None = None) -> KafkaFiles:
    """The files, from the folder `cache` (None = in the user's cache folder); the first time they are fetched.

    Processes that come at the same time wait for the one that fetches. Raises ConfigurationError or
    ServiceUnavailable when that is not possible.
    """
    cache = cache or user_cache_path("millrace") / "kafka"
    ready = cache / KAFKA_VERSION
    if not ready.is_dir():
        try:
            cache.mkdir(parents=True, exist_ok=True)
            _fill_alone(ready, java)
        except OSError as error:
            raise ConfigurationError(
                f"cannot keep Kafka's files in {cache}: {error}", "make it writable, with 200 MB free"
            ) from error
    return KafkaFiles(jars=ready / "jars", formatted=ready / "formatted")


def _fill_alone(ready: Path, java: Path) -> None:
    try:
        with FileLock(ready.with_name("lock"), timeout=LOCK_SECONDS):
            if not ready.is_dir():  # else another process was faster
                _fill(ready, java)
    except Timeout as error:
        raise ServiceUnavailable(
            f"another process has been fetching Kafka for {LOCK_SECONDS:g} s", f"end it, or delete {error.lock_file}"
        ) from error


def _fill(ready: Path, java: Path) -> None:
    """The folder appears under its name only when all is in it."""
    filling = ready.with_name("filling")
    shutil.rmtree(filling, ignore_errors=True)  # of a process that was killed
    content = filling / "content"
    content.mkdir(parents=True)
    try:
        fetch_jars(content / "jars", scratch=filling)
        _format(java, content / "jars", content / "formatted")
        content.rename(ready)
    finally:
        shutil.rmtree(filling, ignore_errors=True)


def _format(java: Path, jars: Path, data: Path) -> None:
    properties = data.with_name("format.properties")
    properties.write_text(server_properties(data.name, broker_port=1, controller_port=2, others={}), "utf-8")
    arguments = ("kafka.tools.StorageTool", "format", "-t", TEMPLATE_CLUSTER_ID, "-c", str(properties))
    command = java_command(java, jars, data.parent, *arguments)
    done = subprocess.run(  # noqa: S603 - our own command
        command, cwd=data.parent, capture_output=True, text=True, timeout=FORMAT_SECONDS, check=False
    )
    properties.unlink()
    if done.returncode:
        raise ServiceUnavailable(
            f"cannot format storage for Kafka with {java}: {done.stdout}{done.stderr}", "try another Java 17 or newer"
        )
