"""Joiner: the documents of many records as the lines of one text, so that one call can read them all.

Joining must not let a broken record borrow from its neighbour. A JSON string holds no raw line break, so a break
stands between two tokens. Where these are `}` and `{` for every break, and the text begins and ends with them too,
no object reaches over a break, and each line is by itself what it is in the whole.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast, overload

import numpy as np
from typing_extensions import override

from models.batch import Bools, Int32s, Int64s

SPACE = b" \t\r\n"  # what JSON takes for white space
LINE_BREAK, OPEN, CLOSE = b"\n{}"


class Lines(Sequence[bytes]):
    """The lines of a text, each cut out when somebody asks for it: of most, nobody does."""

    def __init__(self, text: bytes, breaks: Int64s) -> None:
        """`breaks` are the places of the line breaks."""
        self._text = text
        self._breaks = breaks

    def __len__(self) -> int:
        return len(self._breaks) + 1

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...
    @override
    def __getitem__(self, place: int | slice) -> bytes | list[bytes]:
        if isinstance(place, slice):
            return list(self)[place]
        place = range(len(self))[place]
        begin = int(self._breaks[place - 1]) + 1 if place else 0
        return self._text[begin : int(self._breaks[place]) if place < len(self._breaks) else None]

    @override
    def __iter__(self) -> Iterator[bytes]:
        return iter(self._text.split(b"\n"))


class Joined(NamedTuple):
    """Values as one text, its lines, and in which of the values each line stood."""

    text: bytes
    lines: Sequence[bytes]
    value_of: Int32s


class Joiner:
    """Joins values; keeps its working memory."""

    def __init__(self, max_value_bytes: int) -> None:
        self._max_value_bytes = max_value_bytes
        self._is_break: Bools = np.empty(0, np.bool_)

    def join(self, values: Sequence[bytes | None]) -> Joined | None:
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
        return None if breaks is None else _joined(joined, given, breaks)

    def _sound_breaks(self, joined: bytes) -> Int64s | None:
        """Where the line breaks are; None if one does not stand between `}` and `{`, or the text is not in these."""
        content = np.frombuffer(joined, np.uint8)
        if len(content) == 0 or content[0] != OPEN or content[-1] != CLOSE:
            return None
        if len(content) > len(self._is_break):
            self._is_break = np.empty(2 * len(content), np.bool_)
        is_break = np.equal(content, LINE_BREAK, out=self._is_break[: len(content)])
        breaks = np.flatnonzero(is_break)
        sound = (content[breaks - 1] == CLOSE).all() and (content[breaks + 1] == OPEN).all()
        return breaks if sound else None


def _joined(text: bytes, given: list[bytes], breaks: Int64s) -> Joined:
    places = np.arange(len(given), dtype=np.int32)
    if len(breaks) + 1 == len(given):
        return Joined(text, given, places)
    ends = np.cumsum([len(value) + 1 for value in given]) - 1  # of the values; all but the last are breaks
    lines_up_to = np.append(np.searchsorted(breaks, ends[:-1]) + 1, len(breaks) + 1)
    return Joined(text, Lines(text, breaks), np.repeat(places, np.diff(lines_up_to, prepend=0)))
