"""What `millrace doctor` examines: services, libraries, clock and snapshot store, each in order or with its remedy."""

import importlib
import importlib.metadata
import platform
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import redis
from kafka import KafkaAdminClient
from kafka.errors import KafkaError
from redis.exceptions import NoPermissionError

from worker.adapters.kafka_admin import connect_admin
from worker.adapters.kafka_client import unavailable
from worker.adapters.redis_client import address_of, connect_redis
from worker.errors import ConfigurationError, MillraceError, OwnershipLost
from worker.manifest_log import NOTHING
from worker.ports import ManifestName, SnapshotStore
from worker.settings import KafkaSettings, RedisSettings, Settings, SnapshotSettings
from worker.snapshot_stores import directory_of, open_snapshots

LIBRARIES = ("kafka-python", "msgspec", "numba", "numpy", "pyarrow", "redis", "river", "safetensors", "torch")
OLDEST_PYTHON = (3, 11)
OLDEST_REDIS = (6, 2)
MAX_SKEW_SECONDS = 2.0
MIN_FREE_BYTES = 1_000_000_000
REINSTALL = "install millrace again, with all that it requires"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report.

    Attributes:
        remedy: what to do about it; empty when all is well.
    """

    name: str
    ok: bool
    detail: str
    remedy: str


def examine(settings: Settings) -> list[Finding]:
    """Examines everything; a check that fails in an unforeseen way is a finding too, never an exception."""
    checks: dict[str, Callable[[], Iterator[Finding]]] = {
        "python": _python,
        "libraries": _libraries,
        "crc32c": _crc32c,
        "lz4": _lz4,
        "kafka": lambda: _kafka(settings.kafka),
        "redis": lambda: _redis(settings.redis),
        "snapshots": lambda: _snapshots(settings.snapshots),
    }
    return [finding for name, check in checks.items() for finding in _safely(name, check)]


def _safely(name: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except Exception as error:
        yield Finding(name, False, f"could not be examined: {type(error).__name__}: {error}", "please report this")


def _finding(name: str, ok: bool, detail: str, remedy: str) -> Finding:
    return Finding(name, ok, detail, "" if ok else remedy)


def _python() -> Iterator[Finding]:
    oldest = ".".join(map(str, OLDEST_PYTHON))
    yield _finding("python", sys.version_info >= OLDEST_PYTHON, platform.python_version(), f"use {oldest} or newer")


def _libraries() -> Iterator[Finding]:
    versions, missing = [], []
    for name in LIBRARIES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    yield _finding("libraries", not missing, ", ".join(versions), f"{REINSTALL}: {', '.join(missing)} missing")


def _crc32c() -> Iterator[Finding]:
    """Without the extension kafka-python checks records in Python and decodes 8 times slower."""
    try:
        crc32c = importlib.import_module("crc32c")
    except ImportError as error:
        yield Finding("crc32c", False, f"not available: {error}", "install kafka-python[crc32c]")
        return
    how = "native, by the processor" if crc32c.hardware_based else "native, without the processor's instruction"
    yield Finding("crc32c", True, how, "")


def _lz4() -> Iterator[Finding]:
    try:
        lz4 = importlib.import_module("lz4.frame")
        whole = lz4.decompress(lz4.compress(b"millrace")) == b"millrace"
    except ImportError as error:
        yield Finding("lz4", False, f"not available: {error}", "install kafka-python[lz4]")
        return
    yield _finding("lz4", whole, "compresses and decompresses", REINSTALL)


def _kafka(settings: KafkaSettings) -> Iterator[Finding]:
    try:
        with connect_admin(settings) as admin:
            yield _brokers(admin)
            yield from _topics(admin, settings)
    except KafkaError as error:
        failure = unavailable(settings, error)
        yield Finding("kafka", False, str(failure), failure.remedy)
    except MillraceError as error:
        yield Finding("kafka", False, str(error), error.remedy)


def _brokers(admin: KafkaAdminClient) -> Finding:
    brokers = admin.describe_cluster()["brokers"]
    version = admin.get_broker_version_data(brokers[0]["broker_id"]).broker_version_str
    return Finding("kafka", True, f"{len(brokers)} broker(s), API of version {version}", "")


def _topics(admin: KafkaAdminClient, settings: KafkaSettings) -> Iterator[Finding]:
    found = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics() if topic["partitions"]}
    ours = {name for setting, name in settings.model_dump().items() if setting.endswith("_topic")}
    for name in sorted(ours):
        detail = f"{found[name]} partition(s)" if name in found else "does not exist"
        remedy = "create it, as `millrace topics create` does"
        yield _finding(f"topic {name}", name in found, detail, remedy)


def _redis(settings: RedisSettings) -> Iterator[Finding]:
    try:
        client = connect_redis(settings)
    except ConfigurationError as error:
        yield Finding("redis", False, str(error), error.remedy)
        return
    with client:
        try:
            yield _redis_version(client)
            yield _scripts(client)
            yield _clock(client)
        except redis.RedisError as error:
            detail = f"{address_of(client)} does not answer: {error}"
            yield Finding("redis", False, detail, "start it, or correct MILLRACE_REDIS__URL")


def _redis_version(client: redis.Redis) -> Finding:
    try:
        info = client.info("server")
    except NoPermissionError:
        return Finding("redis", True, "answers; this user may not ask for its version (+info)", "")
    compatible = str(info["redis_version"])
    version = tuple(int(part) for part in compatible.split(".")[:2])
    product = f"valkey {info['valkey_version']}, as " if "valkey_version" in info else ""
    oldest = ".".join(map(str, OLDEST_REDIS))
    return _finding("redis", version >= OLDEST_REDIS, f"{product}redis {compatible}", f"use {oldest} or newer")


def _scripts(client: redis.Redis) -> Finding:
    """A script decides whether a list is newer than the one that stands."""
    try:
        client.eval("return 1", 0)
    except redis.ResponseError as error:
        return Finding("redis scripts", False, f"EVAL is refused: {error}", "allow the user +eval +evalsha")
    return Finding("redis scripts", True, "EVAL is allowed", "")


def _clock(client: redis.Redis) -> Finding:
    before = time.time()
    try:
        seconds, microseconds = client.time()
    except NoPermissionError:
        return Finding("clock", True, "this user may not ask for Redis's (+time)", "")
    here = (before + time.time()) / 2
    skew = here - (seconds + microseconds / 1e6)
    remedy = "synchronise the clocks (NTP): times of events and lists come from both"
    return _finding("clock", abs(skew) <= MAX_SKEW_SECONDS, f"{skew:+.3f} s from Redis's", remedy)


def _snapshots(settings: SnapshotSettings) -> Iterator[Finding]:
    directory = directory_of(settings)
    if directory is not None:
        yield from _disk(directory)
        return
    try:
        yield _store(open_snapshots(settings), settings.url)
    except MillraceError as error:
        yield Finding("snapshots", False, str(error), error.remedy)


def _store(store: SnapshotStore, url: str) -> Finding:
    """Tries what a worker needs of it, under a name that no worker has. Raises MillraceError."""
    found = len(store.manifests())
    trial = ManifestName(f"doctor-{uuid.uuid4().hex}", 1)
    manifest = msgspec.json.encode(NOTHING)
    store.create_manifest(trial, manifest)
    try:
        store.create_manifest(trial, manifest)
    except OwnershipLost:
        return Finding("snapshots", True, f"{url}: {found} manifest(s), may be read and written", "")
    finally:
        store.drop([trial], [])
    remedy = "use a store that honours If-None-Match: here two workers could take each other's place unnoticed"
    return Finding("snapshots", False, f"{url} lets a manifest be overwritten", remedy)


def _disk(directory: Path) -> Iterator[Finding]:
    existing = next(folder for folder in (directory, *directory.absolute().parents) if folder.is_dir())
    remedy = "make the folder writable with 1 GB free, or set MILLRACE_SNAPSHOTS__DIRECTORY"
    try:
        with tempfile.TemporaryFile(dir=existing):
            free_bytes = shutil.disk_usage(existing).free
    except OSError as error:
        yield Finding("disk", False, f"{existing} is not writable: {error.strerror}", remedy)
        return
    yield _finding("disk", free_bytes >= MIN_FREE_BYTES, f"{directory}: {free_bytes / 1e9:.1f} GB free", remedy)
