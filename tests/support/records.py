"""Records of the event topic, made of little."""

from collections.abc import Sequence

import msgspec

from worker.adapters.memory_source import MemoryRecord
from worker.events import Interaction
from worker.steps.columns import Decoded

NOW_MS = 1_700_000_000_000


def event(user: str = "u1", item: str = "i1", kind: str = "view_item", **fields: object) -> dict[str, object]:
    """An event as a dictionary, with any further fields."""
    return {"user_id": user, "item_id": item, "event": kind, **fields}


def line(user: str = "u1", item: str = "i1", kind: str = "view_item", **fields: object) -> bytes:
    """An event as JSON."""
    return msgspec.json.encode(event(user, item, kind, **fields))


def records(values: Sequence[bytes | None], first_offset: int = 0, timestamp: int = NOW_MS) -> list[MemoryRecord]:
    """One record for each value, at ascending offsets."""
    return [MemoryRecord(first_offset + place, timestamp, b"key", value) for place, value in enumerate(values)]


def rows(decoded: Decoded) -> list[tuple[object, ...]]:
    """The events of a decoded batch as tuples, for comparison."""
    columns = (decoded.users, decoded.items, decoded.kinds, decoded.times_ms, decoded.event_keys, decoded.offsets)
    return list(zip(*(list(column) for column in columns), strict=True))


def only(interactions: list[Interaction]) -> Interaction:
    """The single interaction that a document became."""
    assert len(interactions) == 1
    return interactions[0]
