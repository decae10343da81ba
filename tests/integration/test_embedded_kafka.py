"""The embedded Kafka: a real one, on ports of its own, from a cache that is filled once."""

import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import KafkaTimeoutError
from platformdirs import user_cache_path

from worker.embedded import kafka_cache
from worker.embedded.java import find_java
from worker.embedded.kafka_broker import KafkaBroker
from worker.embedded.kafka_cache import kafka_files
from worker.embedded.kafka_jars import KAFKA_VERSION
from worker.errors import ConfigurationError, ServiceUnavailable

pytestmark = pytest.mark.usefixtures("kafka")  # skips where no Kafka can be had


def create(broker: KafkaBroker, topic: str) -> None:
    with KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers) as admin:
        admin.create_topics([NewTopic(topic, 1, 1)])
        admin.wait_for_topics([topic])


def send(broker: KafkaBroker, topic: str, value: bytes) -> None:
    with KafkaProducer(bootstrap_servers=broker.bootstrap_servers) as producer:
        producer.send(topic, value).get(30)


def read_one(broker: KafkaBroker, topic: str) -> bytes:
    """The value of the topic's first record."""
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap_servers, auto_offset_reset="earliest")
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        records = consumer.poll(timeout_ms=30_000, max_records=1)
        return bytes(records[partition][0].value)
    finally:
        consumer.close()


def test_what_is_written_can_be_read(kafka: KafkaBroker, make_topic: Callable[..., str]) -> None:
    topic = make_topic()
    send(kafka, topic, b"event")
    assert read_one(kafka, topic) == b"event"


def test_it_is_the_version_that_is_pinned(kafka: KafkaBroker) -> None:
    with KafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers) as admin:
        assert KAFKA_VERSION.startswith(str(admin.get_broker_version_data(1).broker_version_str))


def test_a_topic_is_not_created_by_use(kafka: KafkaBroker, topic_name: str) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers, max_block_ms=500)
    with producer, pytest.raises(KafkaTimeoutError):
        producer.send(topic_name, b"event").get(5)
    with KafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers) as admin:
        assert topic_name not in admin.list_topics()


def test_data_survive_a_stop_a_kill_and_in_a_given_folder_the_broker_itself(tmp_path: Path) -> None:
    with KafkaBroker(tmp_path) as broker:
        address = broker.bootstrap_servers
        create(broker, "kept")
        send(broker, "kept", b"event")
        for end in (broker.stop, broker.kill):
            end()
            assert not broker.running
            broker.start()
            assert broker.bootstrap_servers == address
            assert read_one(broker, "kept") == b"event"
    with KafkaBroker(tmp_path) as another:
        assert read_one(another, "kept") == b"event"


def test_a_broker_that_cannot_start_shows_the_end_of_its_log(kafka: KafkaBroker, tmp_path: Path) -> None:
    shutil.copytree(kafka.folder / "data", tmp_path / "data", ignore=shutil.ignore_patterns("*-0", ".lock"))
    (tmp_path / "data" / "meta.properties").write_text("version=1\nnode.id=7\ncluster.id=other\n")
    with pytest.raises(ServiceUnavailable, match=r"ended while it started[\s\S]*node") as failure:
        KafkaBroker(tmp_path).start()
    assert str(tmp_path) in failure.value.remedy


def test_two_that_find_the_cache_empty_fetch_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[Path] = []
    jars = user_cache_path("millrace") / "kafka" / KAFKA_VERSION / "jars"

    def copy_jars(into: Path, scratch: Path) -> None:
        assert scratch in into.parents
        fetched.append(into)
        shutil.copytree(jars, into, copy_function=lambda jar, link: Path(link).symlink_to(jar))

    monkeypatch.setattr(kafka_cache, "fetch_jars", copy_jars)
    (tmp_path / "filling" / "content").mkdir(parents=True)  # what a killed process left
    java = find_java()
    fillers = [threading.Thread(target=kafka_files, args=(java, tmp_path)) for _ in range(2)]
    for each in fillers:
        each.start()
    for each in fillers:
        each.join()
    assert len(fetched) == 1
    assert (kafka_files(java, tmp_path).formatted / "meta.properties").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == [KAFKA_VERSION, "lock"]


def test_a_filled_cache_needs_neither_network_nor_jgo(monkeypatch: pytest.MonkeyPatch) -> None:
    offline(monkeypatch)
    monkeypatch.setitem(sys.modules, "jgo", None)
    with KafkaBroker() as broker:
        assert broker.running


def test_without_network_and_cache_the_error_names_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("jgo")
    offline(monkeypatch)
    with pytest.raises(ServiceUnavailable, match="cannot fetch Apache Kafka") as failure, KafkaBroker(cache=tmp_path):
        pass
    assert "MILLRACE_KAFKA__BOOTSTRAP_SERVERS" in failure.value.remedy
    assert "Fetching Apache Kafka" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_without_jgo_and_cache_the_error_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("jgo", "jgo.env", "jgo.maven"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigurationError) as failure, KafkaBroker(cache=tmp_path):
        pass
    assert "millrace[embedded]" in failure.value.remedy


def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sends all downloads to a proxy that does not exist."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
