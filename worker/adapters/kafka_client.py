"""What the Kafka adapters share: connecting, errors in our words, and the uses of the client's private parts.

The private parts belong to kafka-python 3.0.12; the tests of these adapters hold them to it.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import (
    AuthorizationError,
    CommitFailedError,
    CorruptRecordError,
    FencedInstanceIdError,
    IllegalGenerationError,
    KafkaError,
    LogTruncationError,
    OffsetOutOfRangeError,
    SaslAuthenticationFailedError,
    UnknownMemberIdError,
    UnsupportedCodecError,
)
from kafka.future import Future
from kafka.net.compat import KafkaNetClient
from typing_extensions import override

from worker.errors import ConfigurationError, MillraceError, OwnershipLost, PositionError, ServiceUnavailable
from worker.kafka_security import security_options
from worker.settings import KafkaSettings

CLIENT_ID = "millrace"
UNREADABLE = (CorruptRecordError, UnsupportedCodecError)
FENCED = (CommitFailedError, FencedInstanceIdError, IllegalGenerationError, UnknownMemberIdError)
REPLACED = "another worker owns our partitions now"
REFUSED = SaslAuthenticationFailedError.__name__
CLOSE_MS = 2000

Client = TypeVar("Client")


def connect_consumer(settings: KafkaSettings, **options: Any) -> KafkaConsumer:
    """A consumer that reads bytes and commits nothing by itself. Raises ServiceUnavailable."""
    return connect(
        KafkaConsumer,
        settings,
        enable_auto_commit=False,
        allow_auto_create_topics=False,
        check_crcs=True,
        fetch_max_wait_ms=milliseconds(settings.poll_seconds),
        **options,
    )


def connect(kind: Callable[..., Client], settings: KafkaSettings, **options: Any) -> Client:
    """A client of this kind. Raises ServiceUnavailable, or ConfigurationError when no address is set."""
    common = connection(settings)
    networks: list[KafkaNetClient] = []

    def remembered(**configuration: Any) -> KafkaNetClient:
        networks.append(KafkaNetClient(**configuration))
        return networks[0]

    with _overhearing() as overheard:
        try:
            return kind(**common, kafka_client=remembered, **options)
        except KafkaError as error:
            for network in networks:  # a constructor that fails leaves its thread and sockets behind
                network.close()
            raise unavailable(settings, error, overheard.last) from error


def connection(settings: KafkaSettings) -> dict[str, Any]:
    """The options that every client of ours has. Raises ConfigurationError when no address is set."""
    if settings.bootstrap_servers is None:
        raise ConfigurationError("no Kafka address is set", "set MILLRACE_KAFKA__BOOTSTRAP_SERVERS")
    return {
        "bootstrap_servers": settings.bootstrap_servers,
        "client_id": CLIENT_ID,
        "bootstrap_timeout_ms": milliseconds(settings.connect_timeout_seconds),
        "request_timeout_ms": milliseconds(settings.request_timeout_seconds),
        "reconnect_backoff_max_ms": milliseconds(settings.reconnect_backoff_max_seconds),
        "metrics_enabled": False,
        **security_options(settings),
    }


def unavailable(settings: KafkaSettings, error: KafkaError, detail: str = "") -> ServiceUnavailable:
    """The error for people: which address, and what to check."""
    # a broker that refuses a password may just hang up
    credentials = " and passwords (kafka.sasl_...)" if settings.sasl_mechanism else ""
    return ServiceUnavailable(
        f"Kafka at {settings.bootstrap_servers} does not serve us: {error}{f' ({detail})' if detail else ''}",
        f"check that it runs, that MILLRACE_KAFKA__BOOTSTRAP_SERVERS names it, and its access rules{credentials}",
    )


def translated(settings: KafkaSettings, error: KafkaError) -> MillraceError:
    """The client's error in the words of our error tree."""
    if isinstance(error, FENCED):
        return OwnershipLost(f"{REPLACED}: {error}", "restart this worker; it goes on from its snapshot")
    if isinstance(error, (OffsetOutOfRangeError, LogTruncationError)):
        return PositionError(
            f"the topic {settings.events_topic} no longer holds our position: {error}",
            "start from a newer snapshot, or remove the snapshots to start from the beginning of the topic",
        )
    if isinstance(error, AuthorizationError):
        return ConfigurationError(
            f"Kafka refuses us: {error}",
            f"grant READ on the topic {settings.events_topic} and on the group {settings.group_id}",
        )
    return unavailable(settings, error)


def skip_unreadable(consumer: KafkaConsumer, error: KafkaError) -> tuple[TopicPartition, int]:
    """Steps over the record that `poll` just failed on; returns its partition and offset.

    The client would fail on it for ever. Re-raises `error` when it does not stem from a record.
    """
    failing = consumer._fetcher._next_partition_records  # noqa: SLF001
    if not failing:  # a drained one is false
        raise error
    partition, offset = failing.topic_partition, failing.next_fetch_offset
    consumer.seek(partition, offset + 1)
    return partition, offset


def local_position(consumer: KafkaConsumer, partition: TopicPartition) -> int | None:
    """The offset that is read next, as known here: the public method may ask the broker."""
    position = consumer._subscription.position(partition)  # noqa: SLF001
    return None if position is None else position.offset


def known_topic_id(consumer: KafkaConsumer, topic: str) -> str:
    """As of the last metadata; "" = a broker before Kafka 3.1, or nothing is known of the topic."""
    identity = consumer._cluster.topic_id(topic)  # noqa: SLF001
    return "" if identity is None else str(identity)


def known_partitions(consumer: KafkaConsumer, topic: str) -> set[int]:
    """As of the last metadata: the public method may ask the broker."""
    return consumer._cluster.partitions_for_topic(topic) or set()  # noqa: SLF001


def request_rebalance(consumer: KafkaConsumer) -> None:
    """Joins the group again at the next poll, which makes its leader give out the partitions anew."""
    consumer._coordinator.request_rejoin()  # noqa: SLF001


def keep_finished_joins(consumer: KafkaConsumer) -> None:
    """Lets a join count that finished between two polls.

    The client would drop it and join again, which makes the others join again: a group whose members poll
    briefly and work in between may rebalance for ever. Or it would not look at the join again, when news of the
    topics seemed to call for it and no longer do: a member that sends no heartbeats, and never gets ready.
    """
    coordinator = consumer._coordinator  # noqa: SLF001
    join, need_rejoin = coordinator.join_group_async, coordinator.need_rejoin
    handed_over: list[Future] = []

    async def join_once(timeout_ms: float | None = None) -> Any:
        finished = coordinator._join_task  # noqa: SLF001
        if finished is not None and finished.is_done and not (finished in handed_over and finished.failed()):
            coordinator._join_task = coordinator._manager.call_soon(_result, finished)  # noqa: SLF001
            handed_over[:] = [coordinator._join_task]  # noqa: SLF001
        return await join(timeout_ms=timeout_ms)

    coordinator.join_group_async = join_once
    coordinator.need_rejoin = lambda: coordinator._join_task is not None or need_rejoin()  # noqa: SLF001


async def _result(finished: Future) -> Any:
    return await finished


def milliseconds(seconds: float) -> int:
    """Whole milliseconds, at least one."""
    return max(1, round(seconds * 1000))


class _Overheard(logging.Handler):
    """Keeps the last message, but one that tells of our credentials rather than a later one that does not."""

    last = ""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if REFUSED in message or REFUSED not in self.last:
            self.last = message


@contextmanager
def _overhearing() -> Iterator[_Overheard]:
    """Catches why connections fail (refused, no such host, reset): the client only logs it.

    Its log stays quiet otherwise: what it reports there, it also raises.
    """
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    network, overheard = logging.getLogger("kafka.net.connection"), _Overheard()
    network.addHandler(overheard)
    network.propagate = False
    network.setLevel(logging.ERROR)
    try:
        yield overheard
    finally:
        network.setLevel(logging.NOTSET)
        network.propagate = True
        network.removeHandler(overheard)
