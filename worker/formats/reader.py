"""Reader: the records of a poll to interactions. Fast when all are good; one by one where something is not.

A record holds one JSON document, or lines of one document each.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from models.batch import Int32s
from worker.events import Interaction, Reject, Rejection
from worker.formats.joiner import SPACE, Joiner
from worker.formats.shape import Format
from worker.ports import Record
from worker.trace_context import trace_headers

DETAIL_CHARACTERS = 200
UNREADABLE = (ValueError, OverflowError, RecursionError)  # errors of msgspec and of UTF-8 are ValueErrors

Found = list[Interaction] | tuple[Reject, str]  # what a document is, or why it is none


@dataclass(slots=True)
class Read:
    """The n interactions of some records, in their order, and what was turned away.

    Attributes:
        record_of: n places: in which record of the batch each interaction stood.
        lines: n documents that they came from.
    """

    interactions: list[Interaction] = field(default_factory=list)
    record_of: Sequence[int] | Int32s = field(default_factory=list)
    lines: Sequence[bytes] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)


class Reader:
    """Reads records of one format."""

    def __init__(self, format_: Format, max_record_bytes: int) -> None:
        self._convert = format_.convert
        self._decoder = msgspec.json.Decoder(format_.shape)
        self._joiner = Joiner(max_record_bytes)
        self._max_record_bytes = max_record_bytes

    def read(self, partition: int, records: Sequence[Record]) -> Read:
        """Never raises for what a record holds: each is read or rejected, a bad line leaves the others as they are."""
        return self._read_together(records) or self._read_each(partition, records)

    def _read_together(self, records: Sequence[Record]) -> Read | None:
        """All records in one call; None when one of them needs a closer look."""
        found = self._joiner.join([record.value for record in records])
        if found is None:
            return None
        try:
            documents = self._decoder.decode_lines(found.text)
            if len(documents) != len(found.lines):
                return None
            if self._convert is None:
                return Read(documents, found.value_of, found.lines)
            converted = [self._convert(document) for document in documents]
        except UNREADABLE:
            return None
        sizes = [len(interactions) for interactions in converted]
        lines = [line for line, size in zip(found.lines, sizes, strict=True) for _ in range(size)]
        flat = [interaction for interactions in converted for interaction in interactions]
        return Read(flat, np.repeat(found.value_of, sizes), lines)

    def _read_each(self, partition: int, records: Sequence[Record]) -> Read:
        read = Read(record_of=(places := list[int]()), lines=(lines := list[bytes]()))
        for place, record in enumerate(records):
            for line, found in self._read_record(record.value):
                if isinstance(found, list):
                    read.interactions += found
                    lines += [line or b""] * len(found)
                    places += [place] * len(found)
                else:
                    read.rejections.append(_rejection(*found, partition, record, line))
        return read

    def _read_record(self, value: bytes | None) -> list[tuple[bytes | None, Found]]:
        """The documents of a record and what they are."""
        if value is None:
            return [(None, (Reject.NULL_VALUE, "the record has no value"))]
        if len(value) > self._max_record_bytes:
            detail = f"{len(value)} bytes; the limit is {self._max_record_bytes}"
            return [(value, (Reject.TOO_LARGE, detail))]
        whole = self._read_document(value)
        if isinstance(whole, list) or whole[0] is Reject.INVALID:
            return [(value.strip(SPACE), whole)]
        lines = [line.strip(SPACE) for line in value.split(b"\n") if line.strip(SPACE)]
        return [(line, self._read_document(line)) for line in lines] if len(lines) > 1 else [(value, whole)]

    def _read_document(self, line: bytes) -> Found:
        try:
            document = self._decoder.decode(line)
            return [document] if self._convert is None else self._convert(document)
        except UNREADABLE as error:
            return _reason(line), " ".join(str(error).split())[:DETAIL_CHARACTERS]


def _rejection(reason: Reject, detail: str, partition: int, record: Record, line: bytes | None) -> Rejection:
    return Rejection(reason, detail, partition, record.offset, record.key, line, trace_headers(record))


def _is_document(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=msgspec.Raw)
    except UNREADABLE:
        return False
    return True


def _reason(line: bytes) -> Reject:
    try:
        line.decode()
    except UnicodeDecodeError:
        return Reject.NOT_UTF8
    return Reject.INVALID if _is_document(line) else Reject.NOT_JSON
