"""The real services that tests share: one Kafka and one Valkey for each test process."""

import logging
import os
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TypeVar

import pytest
import redis
import structlog
from hypothesis import settings
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from tests.support.object_stores import CREDENTIALS, new_bucket, s3_server
from tests.support.secure_kafka import Certificates
from tests.support.services import had, running
from worker.embedded.java import find_java
from worker.embedded.kafka_broker import KafkaBroker
from worker.embedded.kafka_cache import kafka_files
from worker.embedded.valkey_server import ValkeyServer, find_server

Server = TypeVar("Server")

# Kernels are compiled at their first call, and the cores are shared: how long one example takes says nothing.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")

SERVICE_MARKS = {"kafka": "kafka", "valkey": "redis"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks each test by the services that it uses, directly or through another fixture."""
    for item in items:
        for fixture in set(getattr(item, "fixturenames", ())) & SERVICE_MARKS.keys():
            item.add_marker(SERVICE_MARKS[fixture])


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """A worker that a test runs says how logs look; the next test begins with what was before."""
    root = logging.getLogger()
    level = root.level
    yield
    structlog.reset_defaults()
    root.setLevel(level)
    root.handlers[:] = [each for each in root.handlers if type(each).__module__ != "worker.logs"]


@pytest.fixture(scope="session")
def kafka() -> Iterator[KafkaBroker]:
    """A running broker. A test that stops it starts it again."""
    yield from running(KafkaBroker())


@pytest.fixture(scope="session")
def valkey() -> Iterator[ValkeyServer]:
    """A running Valkey. A test that stops it starts it again."""
    yield from running(ValkeyServer())


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """For servers and clients that trust one authority."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def embedded_services() -> None:
    """For a command that starts them itself."""
    with had():
        find_server()
        kafka_files(find_java())


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The address of a server that speaks S3."""
    with ExitStack() as stack:
        try:
            address = stack.enter_context(s3_server())
        except ImportError as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"{error}; `make setup` installs it")
        yield address


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty bucket, and credentials for it in the environment."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return new_bucket(s3)


@pytest.fixture
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings are the defaults, whatever the machine's variables say."""
    for name in [name for name in os.environ if name.startswith("MILLRACE_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def redis_url(valkey: ValkeyServer) -> str:
    """The address of an empty Redis."""
    with redis.Redis.from_url(valkey.url) as client:
        client.flushall()
    return valkey.url


@pytest.fixture
def topic_name(request: pytest.FixtureRequest) -> str:
    """A topic name that nothing else uses; the topic does not exist."""
    test = re.sub(r"[^a-zA-Z0-9]+", "-", request.node.name)[:60]
    return f"{test}-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def make_topic(kafka: KafkaBroker, topic_name: str) -> Callable[..., str]:
    """Creates the topic `topic_name` with so many partitions and such configuration, and returns its name."""

    def make(partitions: int = 1, **configuration: str) -> str:
        names = {name.replace("_", "."): value for name, value in configuration.items()}
        with KafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers) as admin:
            admin.create_topics([NewTopic(topic_name, partitions, 1, topic_configs=names)])
            admin.wait_for_topics([topic_name])
        return topic_name

    return make


@pytest.fixture
def one_torch_thread() -> Iterator[None]:
    """Small sizes gain nothing from more threads; and with more, sums come in another order."""
    import torch  # takes seconds to load

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def seeded_torch() -> Iterator[None]:
    """Draws of one test do not move those of another."""
    import torch  # takes seconds to load

    with torch.random.fork_rng():
        torch.manual_seed(4)
        yield
