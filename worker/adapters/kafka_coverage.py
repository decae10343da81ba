"""Whether the group has an owner for every partition of the events topic."""

import time

import structlog
from kafka import KafkaConsumer
from kafka.errors import KafkaError
from kafka.structs import MemberState

from worker.adapters.kafka_admin import connect_admin
from worker.adapters.kafka_client import known_partitions, request_rebalance
from worker.errors import ServiceUnavailable
from worker.settings import KafkaSettings

LOOK_SECONDS = 5.0  # between two looks at the group while it has not given out everything

log = structlog.get_logger(__name__)


class Coverage:
    """Asks for a rebalance when partitions are left without an owner.

    Only a group's leader looks for new partitions. A leader that restarts within its session gets its place back
    without being told that it leads (KIP-814; the client speaks JoinGroup up to version 7), so nobody looks.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._covered: set[int] = set()
        self._look_at_seconds = 0.0

    def verify(self, consumer: KafkaConsumer) -> None:
        """Looks at the group once we are in it, and again when the topic has partitions that it had not before."""
        known = known_partitions(consumer, self._settings.events_topic)
        if known <= self._covered or time.monotonic() < self._look_at_seconds:
            return
        if consumer.group_metadata().state != MemberState.STABLE:
            return
        owned = self._owned()
        self._look_at_seconds = time.monotonic() + LOOK_SECONDS
        if owned is None:
            return
        if known <= owned:
            self._covered = known
            return
        log.warning("partitions have no owner: a rebalance is asked for", partitions=sorted(known - owned))
        request_rebalance(consumer)

    def _owned(self) -> set[int] | None:
        """The partitions that members have; None = the group is not settled, or the broker does not tell."""
        topic, group = self._settings.events_topic, self._settings.group_id
        try:
            with connect_admin(self._settings) as admin:
                described = admin.describe_groups([group])[group]
        except (KafkaError, ServiceUnavailable) as error:
            log.info("the group cannot be looked at now", cause=str(error))
            return None
        if described["group_state"] != "Stable":
            return None
        return {
            number
            for member in described["members"]
            for assigned in (member["member_assignment"] or {"assigned_partitions": ()})["assigned_partitions"]
            if assigned["topic"] == topic
            for number in assigned["partitions"]
        }
