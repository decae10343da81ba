"""Joiner: the documents of many records as the lines of one text, so that one call can read them all.

Joining must not let a broken record borrow from its neighbour. A JSON string holds no raw line break, so a break
stands between two tokens. Where these are `}` and `{` for every break, and the text begins and ends with them too,
no object reaches over a break, and each line is by itself what it is in the whole.
"""

from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np

from models.batch import Bools, Int32s

SPACE = b" \t\r\n"  # what JSON takes for white space
LINE_BREAK, OPEN, CLOSE = b"\n{}"


class Lines(NamedTuple):
    """Lines, joined and apart, and in which of the values each stood."""

    joined: bytes
    lines: list[bytes]
    value_of: Int32s


class Joiner:
    """Joins values; keeps its working memory."""

    def __init__(self, max_value_bytes: int) -> None:
        self._max_value_bytes = max_value_bytes
        self._is_break: Bools = np.empty(0, np.bool_)

    def join(self, values: Sequence[bytes | None]) -> Lines | None:
        """All lines of all values; None when one might not stand for itself, or a value is null or too large."""
        given = cast("list[bytes]", values)
        try:
            joined = b"\n".join(given)
        except TypeError:
            return None
        if len(joined) > self._max_value_bytes and max(map(len, given)) > self._max_value_bytes:
            return None
        breaks = self._sound_breaks(joined)
        if breaks is None:
            given = [value.strip(SPACE) for value in given]
            joined = b"\n".join(given)
            breaks = self._sound_breaks(joined)
        return None if breaks is None else _lines(joined, given, breaks)

    def _sound_breaks(self, joined: bytes) -> int | None:
        """The number of line breaks; None if one does not stand between `}` and `{`, or the text is not in these."""
        content = np.frombuffer(joined, np.uint8)
        if len(content) == 0 or content[0] != OPEN or content[-1] != CLOSE:
            return None
        if len(content) > len(self._is_break):
            self._is_break = np.empty(2 * len(content), np.bool_)
        is_break = np.equal(content, LINE_BREAK, out=self._is_break[: len(content)])
        breaks = np.flatnonzero(is_break)
        sound = (content[breaks - 1] == CLOSE).all() and (content[breaks + 1] == OPEN).all()
        return len(breaks) if sound else None


def _lines(joined: bytes, given: list[bytes], breaks: int) -> Lines:
    places = np.arange(len(given), dtype=np.int32)
    if breaks + 1 == len(given):
        return Lines(joined, given, places)
    return Lines(joined, joined.split(b"\n"), np.repeat(places, [value.count(b"\n") + 1 for value in given]))
