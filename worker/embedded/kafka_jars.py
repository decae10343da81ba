"""Fetches Apache Kafka's jars, through jgo, with a progress bar."""

import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from worker.errors import ConfigurationError, ServiceUnavailable

KAFKA_VERSION = "4.1.0"

# Kafka logs through slf4j and names no back end of its own: without one its log would stay empty.
ARTIFACTS = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"
DOWNLOAD_BYTES = 46_800_000  # of this version, measured: only the bar's length

REMEDY = "connect to the network once, or name running brokers in MILLRACE_KAFKA__BOOTSTRAP_SERVERS"


def fetch_jars(into: Path, scratch: Path) -> None:
    """Downloads all jars into the new folder `into`, by way of `scratch`; shows progress on standard error.

    Raises ConfigurationError when jgo is not installed, ServiceUnavailable when the download fails.
    """
    console = Console(stderr=True)
    console.print(f"Fetching Apache Kafka {KAFKA_VERSION}, once: about {DOWNLOAD_BYTES / 1e6:.0f} MB")
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("jars", total=DOWNLOAD_BYTES)
        jars = _resolve(scratch, lambda count: progress.advance(task, count))
    into.mkdir()
    for jar in jars:
        _take(jar, into)


def _resolve(scratch: Path, advance: Callable[[int], None]) -> list[Path]:
    try:
        from jgo.env import EnvironmentBuilder  # an optional extra
        from jgo.maven import MavenContext, PythonResolver
    except ImportError as error:
        raise ConfigurationError(
            "the embedded Kafka cannot be fetched: the package jgo is not installed",
            "install millrace[embedded], or name running brokers in MILLRACE_KAFKA__BOOTSTRAP_SERVERS",
        ) from error

    @contextmanager
    def follow(_file: str, _size_bytes: int) -> Iterator[Callable[[int], None]]:
        yield advance

    # A repository of its own: jgo takes a file that an interrupted download left in a shared one for whole.
    context = MavenContext(resolver=PythonResolver(progress_callback=follow), repo_cache=scratch / "repository")
    try:
        environment = EnvironmentBuilder(context=context, cache_dir=scratch / "jgo").from_endpoint(ARTIFACTS)
    except Exception as error:  # jgo promises no type of its own for a download that fails
        raise ServiceUnavailable(f"cannot fetch Apache Kafka {KAFKA_VERSION}: {_innermost(error)}", REMEDY) from error
    return list(environment.all_jars)


def _take(jar: Path, into: Path) -> None:
    """Moves a jar that is whole; jgo itself only warns of one that is not."""
    try:
        with zipfile.ZipFile(jar) as archive:
            damaged = archive.testzip()
    except zipfile.BadZipFile:
        damaged = jar.name
    if damaged:
        raise ServiceUnavailable(f"{jar.name} arrived damaged ({damaged})", "try again")
    shutil.copy(jar, into)


def _innermost(error: BaseException) -> str:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return str(error) or type(error).__name__
