"""What only a real group on a real broker can show of the event source."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from tests.support.event_topics import begin_all, produce, quick_settings, read
from tests.support.waiting import wait_until
from worker.adapters.kafka_source import KafkaEventSource
from worker.embedded.kafka_broker import KafkaBroker
from worker.embedded.ports import free_ports
from worker.errors import ConfigurationError, OwnershipLost, PositionError, ServiceUnavailable
from worker.settings import KafkaSettings

OnRevoked = Callable[[Sequence[int]], None]
OpenSource = Callable[..., KafkaEventSource]


def ignore(_: Sequence[int]) -> None:
    """For tests in which nothing is revoked."""


@pytest.fixture
def topic(make_topic: Callable[..., str]) -> str:
    """A topic of four partitions."""
    return make_topic(partitions=4)


@pytest.fixture
def open_source(kafka: KafkaBroker, topic: str) -> Iterator[OpenSource]:
    """Opens a member of the topic's group, and closes it after the test."""
    with ExitStack() as stack:

        def open_one(on_revoked: OnRevoked = ignore, **settings: object) -> KafkaEventSource:
            source = KafkaEventSource(quick_settings(kafka.bootstrap_servers, topic, **settings))
            source.open(on_revoked)
            return stack.enter_context(closing(source))

        yield open_one


@pytest.fixture
def committed(kafka: KafkaBroker, topic: str) -> Iterator[Callable[[int], int | None]]:
    """The offset that the group committed for a partition."""
    group = f"{topic}-group"
    with KafkaConsumer(bootstrap_servers=kafka.bootstrap_servers, group_id=group, enable_auto_commit=False) as consumer:
        yield lambda partition: consumer.committed(TopicPartition(topic, partition))


def delete_records(broker: KafkaBroker, topic: str, before: int) -> None:
    with KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers) as admin:
        admin.delete_records({TopicPartition(topic, 0): before})


def test_a_second_member_gets_partitions_only_after_the_first_let_them_go(
    kafka: KafkaBroker, topic: str, open_source: OpenSource
) -> None:
    released: list[int] = []
    taken: list[int] = []
    seen: dict[KafkaEventSource, set[int]] = {}
    first = open_source(released.extend)
    begin_all(first, 4)
    second = open_source()

    def both_poll() -> bool:
        for source in (first, second):
            seen.setdefault(source, set()).update(source.poll(0.05, 100))
        for partition in second.take_assigned():
            assert partition in released
            second.begin(partition, None)
            taken.append(partition)
        return False

    wait_until(lambda: both_poll() or len(taken) == 2, 90, f"half moves; released {released}, taken {taken}")
    assert sorted(taken) == sorted(released)
    assert first.take_assigned() == []
    kept = {0, 1, 2, 3} - set(released)
    assert (set(first.lag_records()), set(second.lag_records())) == (kept, set(taken))
    for partition in range(4):
        produce(kafka.bootstrap_servers, topic, [b"x"], partition=partition)
    wait_until(lambda: both_poll() or seen == {first: kept, second: set(taken)}, 20, "each reads what it owns")


def test_a_group_whose_members_work_between_their_polls_comes_to_rest(
    kafka: KafkaBroker, topic: str, open_source: OpenSource
) -> None:
    members = [open_source(), open_source(), open_source()]
    group = f"{topic}-group"
    stable_rounds = 0
    with KafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers) as admin:

        def came_to_rest() -> bool:
            nonlocal stable_rounds
            for member in members:
                member.poll(0.05, 100)
                member.take_assigned()
            found = admin.describe_groups([group])[group]  # the work in between
            is_stable = found["group_state"] == "Stable" and len(found["members"]) == len(members)
            stable_rounds = stable_rounds + 1 if is_stable else 0
            return stable_rounds == 10

        wait_until(came_to_rest, 90, "the group is stable for ten rounds")


def test_what_is_committed_while_partitions_are_revoked_reaches_the_broker(
    kafka: KafkaBroker, topic: str, open_source: OpenSource, committed: Callable[[int], int | None]
) -> None:
    revoked: list[int] = []

    def release(partitions: Sequence[int]) -> None:
        first.commit(dict.fromkeys(partitions, 3))
        revoked.extend(partitions)

    for partition in range(4):
        produce(kafka.bootstrap_servers, topic, [b"x"] * 3, partition=partition)
    first = open_source(release)
    begin_all(first, 4)
    second = open_source()

    def both_poll() -> bool:
        first.poll(0.05, 100)
        second.poll(0.05, 100)
        return bool(revoked)

    wait_until(both_poll, 90, "partitions are revoked")
    wait_until(lambda: committed(revoked[0]) == 3, 10, "the commit arrives")


def test_an_error_while_partitions_are_revoked_comes_out_of_poll(open_source: OpenSource) -> None:
    def fail(_: Sequence[int]) -> None:
        raise OwnershipLost("the manifest is taken")

    first = open_source(fail)
    begin_all(first, 4)
    second = open_source()
    with pytest.raises(OwnershipLost, match="the manifest is taken"):
        wait_until(lambda: first.poll(0.05, 100) or second.poll(0.05, 100), 20, "partitions are revoked")


def test_closing_revokes_nothing(open_source: OpenSource) -> None:
    revoked: list[int] = []
    source = open_source(revoked.extend)
    begin_all(source, 4)
    source.close()
    source.close()
    assert revoked == []


def test_a_static_member_that_comes_back_owns_its_partitions_at_once(open_source: OpenSource) -> None:
    source = open_source(instance_id="w-0")
    begin_all(source, 4)
    source.close()
    begin_all(open_source(instance_id="w-0"), 4)


def test_a_twin_with_our_instance_id_makes_our_commit_fail(open_source: OpenSource) -> None:
    first = open_source(instance_id="w-0")
    begin_all(first, 4)
    begin_all(open_source(instance_id="w-0"), 4)
    with pytest.raises(OwnershipLost):
        first.commit({0: 0})


def test_a_member_that_was_silent_for_too_long_has_lost_its_partitions(
    kafka: KafkaBroker, topic: str, open_source: OpenSource
) -> None:
    revoked: list[int] = []
    source = open_source(revoked.extend, max_poll_interval_seconds=0.5)
    begin_all(source, 4)
    with KafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers) as admin:
        group = f"{topic}-group"
        wait_until(lambda: not admin.describe_groups([group])[group]["members"], 20, "the member has left")
    with pytest.raises(OwnershipLost, match="silent"):
        wait_until(lambda: source.poll(0.05, 100), 20, "the loss is noticed")
    assert revoked == []


def test_an_offset_that_retention_took_is_refused_and_the_start_is_what_is_left(
    kafka: KafkaBroker, topic: str, open_source: OpenSource
) -> None:
    produce(kafka.bootstrap_servers, topic, [b"0", b"1", b"2"])
    delete_records(kafka, topic, before=2)
    source = open_source()
    wait_until(lambda: source.poll(0.05, 10) or 0 in source.take_assigned(), 20, "partition 0 is assigned")
    with pytest.raises(PositionError, match="2 to 3") as caught:
        source.begin(0, 1)
    assert "snapshot" in caught.value.remedy
    assert source.begin(0, None) == 2
    assert [record.offset for record in read(source, 1)[0]] == [2]


def test_a_log_that_is_cut_under_us_stops_the_worker(kafka: KafkaBroker, topic: str, open_source: OpenSource) -> None:
    produce(kafka.bootstrap_servers, topic, [b"0", b"1", b"2"])
    source = open_source()
    wait_until(lambda: source.poll(0.05, 10) or 0 in source.take_assigned(), 20, "partition 0 is assigned")
    source.begin(0, 1)
    delete_records(kafka, topic, before=2)
    with pytest.raises(PositionError):
        read(source, 1)


def test_a_missing_topic_is_named_and_can_be_waited_for(
    kafka: KafkaBroker, topic_name: str, make_topic: Callable[..., str]
) -> None:
    source = KafkaEventSource(quick_settings(kafka.bootstrap_servers, topic_name))
    with pytest.raises(ServiceUnavailable, match=f"no topic {topic_name}") as caught:
        source.open(ignore)
    assert "MILLRACE_KAFKA__EVENTS_TOPIC" in caught.value.remedy
    make_topic(partitions=1)
    source.open(ignore)
    with closing(source):
        begin_all(source, 1)


def test_a_broker_that_is_absent_is_a_service_error_that_leaves_no_thread_behind() -> None:
    settings = KafkaSettings(bootstrap_servers=f"127.0.0.1:{free_ports(1)[0]}", connect_timeout_seconds=0.3)
    before = set(threading.enumerate())
    with pytest.raises(ServiceUnavailable, match=r"127\.0\.0\.1.*REFUSED") as caught:
        KafkaEventSource(settings).open(ignore)
    assert "MILLRACE_KAFKA__BOOTSTRAP_SERVERS" in caught.value.remedy
    wait_until(lambda: set(threading.enumerate()) <= before, 10, "the client's thread has ended")


def test_no_address_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="no Kafka address"):
        KafkaEventSource(KafkaSettings()).open(ignore)


def test_an_outage_is_sat_out_and_commits_are_let_go(kafka: KafkaBroker, topic: str, open_source: OpenSource) -> None:
    produce(kafka.bootstrap_servers, topic, [b"before"])
    source = open_source(session_timeout_seconds=30.0)
    begin_all(source, 4)
    read(source, 1)
    kafka.stop()
    try:
        for _ in range(10):
            assert source.poll(0.05, 100) == {}
        source.commit({0: 1})
    finally:
        kafka.start()
    produce(kafka.bootstrap_servers, topic, [b"after"])
    assert [record.value for record in read(source, 1, 60)[0]] == [b"after"]
    wait_until(lambda: source.poll(0.05, 100) == {} and source.commit({0: 2}) is None, 10, "commits work again")
