"""Load: a process that feeds events of users with tastes of their own, at a steady rate."""

import time
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from kafka import KafkaProducer

from tests.support.forked import FORKS, forked

STEP_SECONDS = 0.02
FLUSH_SECONDS = 60.0
FEW_ITEMS = 0.05


class Load:
    """Events of `users` users and `items` items on `partitions` partitions; user n belongs to partition n % partitions.

    No event is lost or written twice on its way to the log: the producer is idempotent and waits for all replicas.
    """

    def __init__(
        self, servers: str, topic: str, *, rate: float, partitions: int, users: int = 400, items: int = 300
    ) -> None:
        """`rate` events a second, a record each."""
        self.users = [f"u{number}" for number in range(users)]
        self._stop = FORKS.Event()
        self._rate = FORKS.Value("d", rate)
        self._sent = FORKS.Value("q", 0)
        self._process = forked(_feed, servers, topic, self._rate, (partitions, users, items), self._stop, self._sent)

    @property
    def sent(self) -> int:
        """Events handed to the producer so far."""
        return int(self._sent.value)

    def stop(self) -> int:
        """Feeds one more event of each user; returns when the log has all, and how many they are."""
        self._stop.set()
        self._process.join(2 * FLUSH_SECONDS)
        assert self._process.exitcode == 0, f"the load ended with {self._process.exitcode}"
        return self.sent

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join(10)


def _feed(servers: str, topic: str, rate: Any, shape: tuple[int, int, int], stop: Any, sent: Any) -> None:
    """Runs in its own process."""
    producer = KafkaProducer(
        bootstrap_servers=servers, acks="all", linger_ms=10, reconnect_backoff_max_ms=1000, max_block_ms=60_000
    )
    partitions = shape[0]
    events, began, due = _events(*shape[1:]), time.monotonic(), 0.0
    while not stop.wait(max(0.0, began + STEP_SECONDS - time.monotonic())):
        now = time.monotonic()
        due, began = due + rate.value * (now - began if due or sent.value else STEP_SECONDS), now
        for _ in range(int(due)):
            user, value = next(events)
            producer.send(topic, value=value, key=b"u%d" % user, partition=user % partitions)
        sent.value += int(due)
        due -= int(due)
    for user in range(shape[1]):
        producer.send(topic, value=_event(user, user % shape[2]), key=b"u%d" % user, partition=user % partitions)
    sent.value += shape[1]
    producer.flush(timeout=FLUSH_SECONDS)
    producer.close(timeout=5)


def _events(users: int, items: int) -> Iterator[tuple[int, bytes]]:
    """User numbers and events without end."""
    random = np.random.default_rng(17)
    while True:
        chosen = random.integers(users, size=1000)
        taken = (chosen * 7 + random.geometric(FEW_ITEMS, size=1000)) % items
        for user, item in zip(chosen.tolist(), taken.tolist(), strict=True):
            yield user, _event(user, item)


def _event(user: int, item: int) -> bytes:
    return b'{"user_id":"u%d","item_id":"i%d","event":"view_item"}' % (user, item)
