"""What the Kafka adapters share: connecting, errors in our words, and the uses of the client's private parts.

The private parts belong to kafka-python 3.0.12; the tests of these adapters hold them to it.
"""

import logging
from typing import Any

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
    UnknownMemberIdError,
    UnsupportedCodecError,
)
from kafka.net.compat import KafkaNetClient

from worker.errors import ConfigurationError, MillraceError, OwnershipLost, PositionError, ServiceUnavailable
from worker.settings import KafkaSettings

CLIENT_ID = "millrace"
UNREADABLE = (CorruptRecordError, UnsupportedCodecError)
FENCED = (CommitFailedError, FencedInstanceIdError, IllegalGenerationError, UnknownMemberIdError)
REPLACED = "another worker owns our partitions now"
CLOSE_MS = 2000


def connection(settings: KafkaSettings) -> dict[str, Any]:
    """The options that every client of ours has. Raises ConfigurationError when no address is set."""
    if settings.bootstrap_servers is None:
        raise ConfigurationError("no Kafka address is set", "set MILLRACE_KAFKA__BOOTSTRAP_SERVERS")
    _quieten()
    return {
        "bootstrap_servers": settings.bootstrap_servers.split(","),
        "client_id": CLIENT_ID,
        "bootstrap_timeout_ms": milliseconds(settings.connect_timeout_seconds),
        "request_timeout_ms": milliseconds(settings.request_timeout_seconds),
        "reconnect_backoff_max_ms": milliseconds(settings.reconnect_backoff_max_seconds),
        "metrics_enabled": False,
    }


def connect_consumer(settings: KafkaSettings, **options: Any) -> KafkaConsumer:
    """A consumer that reads bytes and commits nothing by itself. Raises ServiceUnavailable."""
    clients: list[KafkaNetClient] = []

    def remembered(**configuration: Any) -> KafkaNetClient:
        clients.append(KafkaNetClient(**configuration))
        return clients[0]

    try:
        return KafkaConsumer(
            **connection(settings),
            enable_auto_commit=False,
            allow_auto_create_topics=False,
            check_crcs=True,
            fetch_max_wait_ms=milliseconds(settings.poll_seconds),
            kafka_client=remembered,
            **options,
        )
    except KafkaError as error:
        for client in clients:  # a constructor that fails leaves its thread behind
            client.close()
        raise unavailable(settings, error) from error


def unavailable(settings: KafkaSettings, error: KafkaError) -> ServiceUnavailable:
    """The error for people: which address, and what to check."""
    return ServiceUnavailable(
        f"Kafka at {settings.bootstrap_servers} does not serve us: {error}",
        "check that it runs, that MILLRACE_KAFKA__BOOTSTRAP_SERVERS names it, and its access rules",
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


def milliseconds(seconds: float) -> int:
    """Whole milliseconds, at least one."""
    return max(1, round(seconds * 1000))


def _quieten() -> None:
    """The client reports in the log what it also raises; only its network errors tell more."""
    for name, level in (("kafka", logging.CRITICAL), ("kafka.net", logging.ERROR)):
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(level)
