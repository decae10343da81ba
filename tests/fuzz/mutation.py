"""Mutation of JSON as a tree, beside that of bytes: most altered bytes make no JSON at all."""

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

HOSTILE: tuple[Any, ...] = (
    *(None, True, "", 0, -1, 1.5, 1e308, 2**53 + 1, 2**63 - 1, 2**64, 10**30, [], {}),
    *("nan", "1e999", "\0", "\x7f", "\U0001f600" * 33, "x" * 129, "9" * 400, "0001-01-01T00:00:00+14:00"),
)
MOST_LEVELS = 600


def cross(one: bytes, other: bytes, most_bytes: int, seed: int) -> bytes:
    """An input made of two, by this seed: where they are JSON, the first with a part exchanged, else their halves."""
    chance = random.Random(seed)
    try:
        parts = [*HOSTILE, *_parts(json.loads(other))]
        crossed = json.dumps(_changed(json.loads(one), parts, chance), ensure_ascii=chance.random() < 0.5)
        return crossed.encode("utf-8", "surrogatepass")[:most_bytes]
    except (ValueError, RecursionError):
        return (one[: chance.randrange(len(one) + 1)] + other[chance.randrange(len(other) + 1) :])[:most_bytes]


def _parts(document: Any) -> Iterator[Any]:
    """A document and all in it."""
    yield document
    if isinstance(document, dict | list):
        for part in document.values() if isinstance(document, dict) else document:
            yield from _parts(part)


def _changed(document: Any, parts: Sequence[Any], chance: random.Random) -> Any:
    """A copy with one change, in a place that is deeper the more often luck says so."""
    if isinstance(document, dict | list) and document and chance.random() < 0.8:
        copy = document.copy()
        place: Any = chance.choice(list(document) if isinstance(document, dict) else range(len(document)))
        action = chance.random()
        if action < 0.1:
            del copy[place]
        elif action < 0.2 and isinstance(copy, list):
            copy += [copy[place]] * chance.randrange(1, 9)
        elif action < 0.2:
            copy[chance.choice(list(document))] = copy[place]
        else:
            copy[place] = _changed(copy[place], parts, chance)
        return copy
    if chance.random() < 0.1:
        return _nested(document, chance)
    return chance.choice(parts)


def _nested(document: Any, chance: random.Random) -> Any:
    is_list = chance.random() < 0.5
    for _ in range(chance.randrange(1, MOST_LEVELS)):
        document = [document] if is_list else {"a": document}
    return document
