import os
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from itertools import chain
from pathlib import Path

import msgspec
import pytest
from kafka import KafkaAdminClient
from kafka.partitioner import murmur2

from producers.kafka_writer import KafkaWriter, Topic, ensure_topics, standard_topics
from producers.pacing import Pace
from producers.replay import replay
from producers.simulate import Simulation
from tests.support.event_topics import everything, quick_settings
from tests.support.events import columns
from tests.support.waiting import wait_until
from worker.embedded.kafka_broker import KafkaBroker
from worker.errors import ConfigurationError, ServiceUnavailable
from worker.events import Interaction, Item
from worker.settings import KafkaSettings

PARTITIONS = 4
ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings(kafka: KafkaBroker, topic_name: str) -> KafkaSettings:
    """Kafka with topics of their own, created."""
    settings = quick_settings(kafka.bootstrap_servers, topic_name, partitions=PARTITIONS)
    ensure_topics(settings, standard_topics(settings))
    return settings


def partition_of(user_id: str) -> int:
    return int(murmur2(user_id.encode()) & 0x7FFFFFFF) % PARTITIONS


def test_single_events_are_keyed_by_user_and_lie_where_any_client_would_put_them(settings: KafkaSettings) -> None:
    with KafkaWriter(settings) as writer:
        writer.write(columns([f"u{number % 50}" for number in range(500)]))
        writer.flush()
    records = everything(settings.bootstrap_servers or "", settings.events_topic)
    events = [msgspec.json.decode(record.value, type=Interaction) for record in records]
    assert sorted(int(event.item_id[1:]) for event in events) == list(range(500))
    by_user: dict[str, list[int]] = defaultdict(list)
    for record, event in zip(records, events, strict=True):
        assert record.key == event.user_id.encode()
        assert record.partition == partition_of(event.user_id)
        by_user[event.user_id].append(int(event.item_id[1:]))
    assert all(order == sorted(order) for order in by_user.values())


def test_batched_records_hold_events_of_one_partition_in_order(settings: KafkaSettings) -> None:
    with KafkaWriter(settings, batch_events=7) as writer:
        for begin in (0, 300):
            writer.write(columns([f"u{n % 50}" for n in range(300)], [f"i{begin + n}" for n in range(300)]))
        writer.flush()
    records = everything(settings.bootstrap_servers or "", settings.events_topic)
    decoder = msgspec.json.Decoder(Interaction)
    seen: dict[int, list[int]] = defaultdict(list)
    for record in records:
        events = decoder.decode_lines(record.value)
        assert 1 <= len(events) <= 7
        assert {partition_of(event.user_id) for event in events} == {record.partition}
        seen[record.partition] += [int(event.item_id[1:]) for event in events]
    assert all(order == sorted(order) for order in seen.values())
    assert sorted(chain.from_iterable(seen.values())) == list(range(600))
    assert len(records) < 600 / 7 + 2 * PARTITIONS


def test_absent_topics_are_created_and_others_left_alone(kafka: KafkaBroker, topic_name: str) -> None:
    settings = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers)
    first = [Topic(topic_name, 3)]
    assert ensure_topics(settings, first) == [topic_name]
    both = [Topic(topic_name, 5), Topic(f"{topic_name}.items", 1, compacted=True)]
    assert ensure_topics(settings, both) == [f"{topic_name}.items"]
    assert ensure_topics(settings, both) == []
    with KafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers) as admin:
        partitions = {t["name"]: len(t["partitions"]) for t in admin.describe_topics([t.name for t in both])}
    assert partitions == {topic_name: 3, f"{topic_name}.items": 1}


def test_the_catalogue_is_keyed_by_item(settings: KafkaSettings) -> None:
    items = [Item("a", "Lamp", price=2.5), Item("b", "Bag")]
    with KafkaWriter(settings) as writer:
        assert writer.write_items(items) == 2
        writer.flush()
    records = everything(settings.bootstrap_servers or "", settings.items_topic)
    assert [record.key for record in records] == [b"a", b"b"]
    assert [msgspec.json.decode(record.value, type=Item) for record in records] == items


def test_a_replayed_simulation_arrives_whole(settings: KafkaSettings) -> None:
    with KafkaWriter(settings, batch_events=50) as writer:
        assert replay(Simulation(200, 100, seed=1), writer, Pace(rate=20_000), limit=6_000, tick_seconds=0.05) == 6_000
    decoder = msgspec.json.Decoder(Interaction)
    records = everything(settings.bootstrap_servers or "", settings.events_topic)
    assert sum(len(decoder.decode_lines(record.value)) for record in records) == 6_000


def test_a_topic_that_is_not_there_is_reported(kafka: KafkaBroker, topic_name: str) -> None:
    settings = KafkaSettings(
        bootstrap_servers=kafka.bootstrap_servers, events_topic=topic_name, connect_timeout_seconds=1
    )
    with pytest.raises(ServiceUnavailable) as caught:
        KafkaWriter(settings)
    assert caught.value.remedy


def test_a_record_too_large_for_kafka_is_reported(settings: KafkaSettings) -> None:
    with KafkaWriter(settings, batch_events=3000) as writer, pytest.raises(ConfigurationError) as caught:
        writer.write(columns(["u1"] * 3000, ["i" * 1000] * 3000))
    assert "--batch" in caught.value.remedy


def test_a_kafka_that_goes_away_is_reported_in_time(kafka: KafkaBroker, settings: KafkaSettings) -> None:
    before = set(threading.enumerate())
    writer = KafkaWriter(settings, acknowledge_seconds=1.0)
    writer.write(columns(["a"]))
    writer.flush()
    kafka.stop()
    try:
        writer.write(columns(["b"]))
        with pytest.raises(ServiceUnavailable) as caught:
            writer.flush()
        with pytest.raises(ServiceUnavailable):
            writer.close(forget=False)
        assert set(threading.enumerate()) <= before, "nothing goes on trying"
    finally:
        kafka.start()
    assert "start Kafka" in caught.value.remedy


def test_an_interrupted_command_flushes_and_ends_cleanly(settings: KafkaSettings) -> None:
    command = [sys.executable, "-m", "producers", "replay", "--sample", "--loop", "--rate", "2000"]
    environment = {
        **os.environ,
        "MILLRACE_KAFKA__BOOTSTRAP_SERVERS": settings.bootstrap_servers or "",
        "MILLRACE_KAFKA__ITEMS_TOPIC": settings.items_topic,
        "MILLRACE_KAFKA__DEAD_LETTER_TOPIC": settings.dead_letter_topic,
    }
    topic = ["--topic", settings.events_topic]
    with subprocess.Popen([*command, *topic], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_until(
                lambda: len(everything(settings.bootstrap_servers or "", settings.events_topic)) > 500,
                60,
                "events arrive",
            )
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 0
    said = int(errors.split(" events to topic")[0].replace(",", ""))
    assert len(everything(settings.bootstrap_servers or "", settings.events_topic)) == said
