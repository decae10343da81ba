"""What steps hand to each other: events as columns, and lists. Data only, so that steps need not know each other."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import compress
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from models.batch import Bools, Float32s, Float64s, Int32s, Int64s, Interactions, UInt64s
from worker.events import RecommendationList, Reject, Rejection
from worker.ports import Record
from worker.trace_context import trace_headers

Int16s = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Decoded:
    """The n readable events of some records of one partition, in stream order, as columns of length n.

    Attributes:
        users, items: ids, known to be neither empty nor too long.
        user_keys, item_keys: (n,) uint64, keys of the ids, never 0 (see models/digests.py).
        kinds: (n,) int16, places in `kind_names`.
        weights: (n,) float32, what the kinds weigh; of low ratings, below 0.
        times_ms: (n,) int64, UTC milliseconds, between 1970 and 9999.
        event_keys: (n,) uint64, keys of the producers' event ids; 0 where there is none.
        offsets, record_times_ms: (n,) int64, of the record that each event stood in; a time of -1 is unknown.
        record_of: (n,) int32, places in `records`.
        lines: the JSON document that each event came from.
        records: all records, those without a readable event too.
        kind_names: the configured kinds.
        are_objective: (kinds + 1,) bool, which of them lists are to foresee; the last is for unknown ones.
        rejections: what was turned away.
    """

    users: Sequence[str]
    items: Sequence[str]
    user_keys: UInt64s
    item_keys: UInt64s
    kinds: Int16s
    weights: Float32s
    times_ms: Int64s
    event_keys: UInt64s
    offsets: Int64s
    record_times_ms: Int64s
    record_of: Int32s
    lines: Sequence[bytes]
    partition: int = field(kw_only=True)
    records: Sequence[Record] = field(kw_only=True)
    kind_names: Sequence[str] = field(kw_only=True)
    are_objective: Bools = field(kw_only=True)
    rejections: list[Rejection] = field(kw_only=True)

    def __len__(self) -> int:
        return len(self.users)

    def keep(self, wanted: Bools) -> Self:
        """Only the events that are wanted, (n,)."""
        names = [each.name for each in fields(self) if not each.kw_only]
        columns = kept([getattr(self, name) for name in names], wanted)
        return replace(self, **dict(zip(names, columns, strict=True)))

    def rejection(self, event: int, reason: Reject, detail: str) -> Rejection:
        """Turns one event away."""
        record = self.records[self.record_of[event]]
        line, trace = self.lines[event], trace_headers(record)
        return Rejection(reason, detail, self.partition, record.offset, record.key, line, trace)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The m events that may be learned, in stream order, with where they came from.

    Attributes:
        batch: what the models learn.
        kinds: (m,) int16, places in `kind_names`.
        offsets, record_times_ms: (m,) int64, of the record that each event stood in; a time of -1 is unknown.
        rejections: what a person may want to repair, of decoding and of cleaning.
        rejected: all that was turned away, by reason, of decoding and of cleaning.
    """

    batch: Interactions
    kinds: Int16s
    offsets: Int64s
    record_times_ms: Int64s
    kind_names: Sequence[str]
    rejections: list[Rejection]
    rejected: Counter[Reject]


@dataclass(frozen=True, slots=True)
class RankedLists:
    """Lists of m users, to be published.

    Attributes:
        users: (m,) int32, their rows in the shard.
        item_rows: (m, k) int32, rows of the items but the explored ones; -1 = the list is shorter.
        explored: (m,) uint64, hash of the new item at the end of the list; 0 = none.
        margins: (m,) float64, first score less the tenth, or less 0 where there is none.
        lists: by user id, in the order of `users`.
    """

    users: Int32s
    item_rows: Int32s
    explored: UInt64s
    margins: Float64s
    lists: dict[str, RecommendationList]


def kept(columns: Sequence[Any], wanted: Bools) -> Sequence[Any]:
    """Of each column (arrays and lists) only the entries that are wanted, (n,)."""
    if wanted.all():
        return columns
    in_python = wanted.tolist()  # a list is three times as fast as an array to go through one by one
    return [
        column[wanted] if isinstance(column, np.ndarray) else list(compress(column, in_python)) for column in columns
    ]
