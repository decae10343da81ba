"""Our place in the consumer group: which partitions came, went or were lost."""

from collections.abc import Callable, Iterable, Sequence

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from typing_extensions import override

from worker.adapters.kafka_client import REPLACED
from worker.errors import OwnershipLost


class Membership(ConsumerRebalanceListener):  # type: ignore[misc]
    """Listens to rebalances. The client calls it on its own thread while ours waits in `poll`.

    Attributes:
        ends: partitions that flow, with the end of their log when they began.
        calling_back: whether `on_revoked` is running, on the client's thread.
        failure: what went wrong in a rebalance; `poll` must raise it.
    """

    def __init__(self, consumer: KafkaConsumer, on_revoked: Callable[[Sequence[int]], None]) -> None:
        self.ends: dict[int, int] = {}
        self.calling_back = False
        self.failure: BaseException | None = None
        self._consumer = consumer
        self._on_revoked = on_revoked
        self._waiting: set[int] = set()
        self._leaving = False
        self._member_id = ""

    def take_assigned(self) -> list[int]:
        """Partitions assigned since the last call."""
        taken = sorted(self._waiting)
        self._waiting.clear()
        return taken

    def leave(self) -> None:
        """From here on nobody needs to hear of partitions that go."""
        self._leaving = True

    def verify(self) -> None:
        """Raises OwnershipLost when the group put us out and took us in anew, which the client may not tell."""
        member_id = self._consumer.group_metadata().member_id
        if not self._consumer.assignment():
            self._member_id = ""
        elif not self._member_id:
            self._member_id = member_id
        elif member_id and member_id != self._member_id:
            raise _lost(self.ends)

    @override
    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        for partition in assigned:
            self._consumer.pause(partition)
            # Any position keeps the client from asking for a committed one, which need not exist.
            self._consumer.seek(partition, 0)
            self._waiting.add(partition.partition)

    @override
    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        gone = {partition.partition for partition in revoked}
        taken = sorted(gone - self._waiting)
        self._waiting -= gone
        if taken and not self._leaving:
            self._call_back(taken)
        for partition in gone:
            self.ends.pop(partition, None)

    @override
    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        """Raises, so that the client does not join again with partitions that others have by now."""
        if self._leaving:
            return
        self.failure = _lost(partition.partition for partition in lost)
        raise self.failure

    def _call_back(self, partitions: Sequence[int]) -> None:
        self.calling_back = True
        try:
            self._on_revoked(partitions)
        except BaseException as error:
            self.failure = error
            raise
        finally:
            self.calling_back = False


def _lost(partitions: Iterable[int]) -> OwnershipLost:
    return OwnershipLost(
        f"{REPLACED}: we were silent for too long and lost partitions {sorted(partitions)}",
        "restart this worker; raise kafka.session_timeout_seconds or kafka.max_poll_interval_seconds if it recurs",
    )
