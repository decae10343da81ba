"""What the contract tests hold in their hands: a port, and its other end."""

from collections.abc import Callable
from dataclasses import dataclass

from worker.ports import CompactedTopic, DeadLetters, EventSource


@dataclass(frozen=True)
class EventTopic:
    """An event source with a topic of two partitions that the test can feed: partition and values."""

    source: EventSource
    append: Callable[[int, list[bytes | None]], None]


@dataclass(frozen=True)
class CatalogueTopic:
    """Puts records into a catalogue; `open` gives a source that has not been used."""

    put: Callable[[str, bytes | None], None]
    open: Callable[[], CompactedTopic]


@dataclass(frozen=True)
class DeadLetterTopic:
    """Dead letters, and what arrived of them: (reason, value)."""

    letters: DeadLetters
    arrived: Callable[[], list[tuple[str, bytes | None]]]
