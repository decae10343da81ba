"""What only a real broker can show of dead letters: headers, sizes, outages."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition

from producers.kafka_writer import ensure_topics, standard_topics
from tests.support.event_topics import produce, quick_settings, topic_settings
from tests.support.live_worker import WORK_SECONDS, WorkerThread
from tests.support.records import line
from tests.support.rig import room_for
from tests.support.waiting import wait_until
from worker.adapters.kafka_sink import MAX_VALUE_BYTES, KafkaDeadLetters
from worker.embedded.kafka_broker import KafkaBroker
from worker.embedded.ports import free_ports
from worker.errors import ServiceUnavailable
from worker.events import Reject, Rejection

WAITING_RECORDS = 500
PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def letters(kafka: KafkaBroker, topic_name: str) -> Iterator[KafkaDeadLetters]:
    """Dead letters of the topic `events` to the topic `topic_name`."""
    waiting = {"dead_letters_waiting": WAITING_RECORDS}
    settings = quick_settings(kafka.bootstrap_servers, "events", dead_letter_topic=topic_name, **waiting)
    with closing(KafkaDeadLetters(settings)) as letters:
        yield letters


@pytest.fixture
def arrived(kafka: KafkaBroker, topic_name: str) -> Callable[[], list[Any]]:
    """All records of the dead-letter topic."""
    place = TopicPartition(topic_name, 0)

    def read() -> list[Any]:
        with KafkaConsumer(bootstrap_servers=kafka.bootstrap_servers, auto_offset_reset="earliest") as consumer:
            consumer.assign([place])
            end = consumer.end_offsets([place])[place]
            found: list[Any] = []
            while len(found) < end:
                found += consumer.poll(timeout_ms=200).get(place, ())
            return found

    return read


def rejection(**fields: Any) -> Rejection:
    defaults: dict[str, Any] = {
        "reason": Reject.NOT_JSON,
        "detail": "line 2: expected `}`",
        "partition": 3,
        "offset": 14,
        "key": b"ann",
        "value": b"{",
    }
    return Rejection(**(defaults | fields))


def test_headers_say_where_it_came_from_and_why(
    letters: KafkaDeadLetters, make_topic: Callable[..., str], arrived: Callable[[], list[Any]]
) -> None:
    make_topic()
    letters.send([rejection(detail="\u00fc")])
    letters.flush(20)
    (record,) = arrived()
    assert (record.key, record.value) == (b"ann", b"{")
    assert dict(record.headers) == {
        "source.topic": b"events",
        "source.partition": b"3",
        "source.offset": b"14",
        "reason": b"not_json",
        "detail": "\u00fc".encode(),
    }


def test_a_record_that_is_rejected_keeps_its_trace(
    kafka: KafkaBroker, redis_url: str, topic_name: str, arrived: Callable[[], list[Any]], tmp_path: Path
) -> None:
    """From a producer's header to the dead letter, through a whole worker."""
    events_topic = f"{topic_name}.events"
    topics = quick_settings(kafka.bootstrap_servers, events_topic, dead_letter_topic=topic_name, partitions=1)
    ensure_topics(topics, standard_topics(topics))
    trace = [("traceparent", PARENT), ("tracestate", b"shop=t61rcWkgMzE")]
    produce(
        kafka.bootstrap_servers, events_topic, [b"{", line("ann", "tea", event="yawn")], headers=[("x", b"1"), *trace]
    )
    produce(kafka.bootstrap_servers, events_topic, [b"{"], headers=[("tracestate", b"of=nothing")])
    settings = {
        **topic_settings(kafka.bootstrap_servers, events_topic),
        "kafka.dead_letter_topic": topic_name,
        "redis.url": redis_url,
        "snapshots.directory": tmp_path,
        **room_for(items=100, users=100),
    }
    with WorkerThread(settings):
        wait_until(lambda: len(arrived()) == 3, WORK_SECONDS, "all are parked")
    traces = {
        dict(record.headers)["source.offset"]: [each for each in record.headers if each[0].startswith("trace")]
        for record in arrived()
    }
    assert traces == {b"0": trace, b"1": trace, b"2": []}


def test_what_does_not_fit_is_cut_and_its_size_told(
    letters: KafkaDeadLetters, make_topic: Callable[..., str], arrived: Callable[[], list[Any]]
) -> None:
    make_topic()
    letters.send([rejection(key=b"k" * 2_000_000, value=b"v" * 5_000_000, detail="d" * 1_000_000)])
    letters.flush(20)
    assert letters.take_lost() == 0
    (record,) = arrived()
    headers = dict(record.headers)
    assert record.value == b"v" * MAX_VALUE_BYTES
    assert headers["truncated"] == b"5000000"
    assert headers["truncated.key"] == b"2000000"


def test_a_record_without_key_and_value_is_parked_too(
    letters: KafkaDeadLetters, make_topic: Callable[..., str], arrived: Callable[[], list[Any]]
) -> None:
    make_topic()
    letters.send([rejection(key=None, value=None, reason=Reject.NULL_VALUE)])
    letters.flush(20)
    (record,) = arrived()
    assert dict(record.headers)["reason"] == b"null_value"


def test_a_missing_topic_costs_letters_but_hardly_any_time(letters: KafkaDeadLetters) -> None:
    started = time.monotonic()
    letters.send([rejection()] * 500)
    letters.send([rejection()] * 500)
    assert time.monotonic() - started < 5
    assert letters.take_lost() == 1000
    assert letters.take_lost() == 0


def test_an_absent_broker_costs_letters_but_one_attempt_to_connect() -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    letters = KafkaDeadLetters(quick_settings(address, "events", connect_timeout_seconds=0.3))
    with closing(letters):
        started = time.monotonic()
        letters.send([rejection()] * 10)
        letters.send([rejection()] * 10)
        assert time.monotonic() - started < 3
        assert letters.take_lost() == 20


def test_while_the_broker_is_away_a_bounded_number_waits_and_then_arrives(
    kafka: KafkaBroker, letters: KafkaDeadLetters, make_topic: Callable[..., str], arrived: Callable[[], list[Any]]
) -> None:
    make_topic()
    letters.send([rejection()])
    letters.flush(20)
    kafka.stop()
    try:
        started = time.monotonic()
        letters.send([rejection()] * (WAITING_RECORDS + 50))
        assert time.monotonic() - started < 2
        assert letters.take_lost() == 50
        with pytest.raises(ServiceUnavailable):
            letters.flush(0.2)
    finally:
        kafka.start()
    letters.flush(60)
    assert len(arrived()) >= 1 + WAITING_RECORDS
    assert letters.take_lost() == 0


def test_what_comes_faster_than_allowed_is_counted_and_not_parked(
    kafka: KafkaBroker, topic_name: str, make_topic: Callable[..., str], arrived: Callable[[], list[Any]]
) -> None:
    make_topic()
    settings = quick_settings(
        kafka.bootstrap_servers, "events", dead_letter_topic=topic_name, dead_letters_per_second=100
    )
    with closing(KafkaDeadLetters(settings)) as letters:
        letters.send([rejection()] * 5000)
        letters.flush(20)
        lost = letters.take_lost()
    assert len(arrived()) == 5000 - lost
    assert 100 <= 5000 - lost <= 1000, "a second's worth, and what was gained on the way"
