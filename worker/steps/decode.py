"""Decode: the first step, from records to columns of known kinds, sound ids and possible times."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from itertools import repeat
from operator import attrgetter
from typing import cast

import numpy as np

from models.batch import Bools, Float32s, Int64s, UInt64s
from models.digests import Digest, digest
from worker.errors import ConfigurationError
from worker.event_faults import LAST_TIME_MS, NO_TIME_MS, faults
from worker.events import Interaction
from worker.formats import FORMATS
from worker.formats.reader import Reader
from worker.ports import Record
from worker.settings import EventSettings
from worker.steps.columns import Decoded, Int16s

UNKNOWN = -1

OFFSET, TIMESTAMP = attrgetter("offset"), attrgetter("timestamp")


class Decoder:
    """Decodes records; keeps nothing between calls."""

    def __init__(self, settings: EventSettings, objective: Collection[str] = ()) -> None:
        """`objective` = the kinds that lists are to foresee, none = all.

        Raises ConfigurationError for one that is no kind, or that weighs nothing.
        """
        _check_objective(settings, objective)
        self._reader = Reader(FORMATS[settings.format], settings.max_record_bytes)
        self._max_id_characters = settings.max_id_characters
        self._kinds = tuple(settings.kinds)
        self._codes = {kind: code for code, kind in enumerate(self._kinds)}
        self._weights = np.array([*settings.kinds.values(), 0], np.float32)  # the last one is for UNKNOWN
        self._are_objective = np.array([*(not objective or kind in objective for kind in settings.kinds), False])
        self._are_ratings = np.array([*(kind in settings.rating_kinds for kind in settings.kinds), False], np.bool_)
        self._low_rating = settings.low_rating

    def decode(self, partition: int, records: Sequence[Record]) -> Decoded:
        """Never raises for what a record holds: each event of each record is decoded or rejected."""
        read = self._reader.read(partition, records)
        events = read.interactions
        record_of = np.asarray(read.record_of, np.int32)
        record_times = np.fromiter(map(TIMESTAMP, records), np.int64, len(records))[record_of]
        users, items = [event.user_id for event in events], [event.item_id for event in events]
        user_digest, item_digest = digest(users), digest(items)
        kinds = self._kind_codes(events)
        decoded = Decoded(
            users,
            items,
            user_digest.keys,
            item_digest.keys,
            kinds,
            self._weights_of(events, kinds),
            _times([event.ts for event in events], record_times),
            _optional_keys([event.event_id for event in events]),
            _offsets(records)[record_of],
            record_times,
            record_of,
            read.lines,
            partition=partition,
            records=records,
            kind_names=self._kinds,
            are_objective=self._are_objective,
            rejections=read.rejections,
        )
        return self._sound(decoded, events, self._fit(user_digest) and self._fit(item_digest))

    def _kind_codes(self, events: Sequence[Interaction]) -> Int16s:
        names = [event.event for event in events]
        return np.fromiter(map(self._codes.get, names, repeat(UNKNOWN)), np.int16, len(names))

    def _weights_of(self, events: Sequence[Interaction], kinds: Int16s) -> Float32s:
        """Those of the kinds; low ratings weigh below 0."""
        weights = self._weights[kinds]
        for place in np.flatnonzero(self._are_ratings[kinds]).tolist():
            rating = events[place].value
            if rating is not None and rating <= self._low_rating:
                weights[place] = -abs(weights[place])
        return weights

    def _fit(self, ids: Digest) -> bool:
        """Whether all ids are surely good; a UTF-8 text has at most as many characters as bytes."""
        return ids.shortest_bytes > 0 and ids.longest_bytes <= self._max_id_characters and not ids.has_controls

    def _sound(self, decoded: Decoded, events: Sequence[Interaction], ids_fit: bool) -> Decoded:
        """Turns away events of unknown kind, with bad ids or with times that no calendar has."""
        suspects: Bools = (decoded.kinds == UNKNOWN) | (decoded.times_ms == NO_TIME_MS) | (not ids_fit)
        if not suspects.any():
            return decoded
        wanted = ~suspects
        for place in np.flatnonzero(suspects).tolist():
            fault = next(faults(events[place], decoded.times_ms[place], self._codes, self._max_id_characters), None)
            wanted[place] = fault is None
            if fault:
                decoded.rejections.append(decoded.rejection(place, *fault))
        return decoded.keep(wanted)


def _check_objective(settings: EventSettings, objective: Collection[str]) -> None:
    idle = [kind for kind in objective if settings.kinds.get(kind, 0.0) <= 0]
    if idle:
        raise ConfigurationError(
            f"setting learning.objective: {', '.join(idle)} is no kind of event of a weight above 0",
            f"give it one, as in --set events.kinds.{idle[0]}=1, or name others",
        )


def _times(given: list[int | None], record_times_ms: Int64s) -> Int64s:
    """The events' own times, or else their records'; NO_TIME_MS for what no calendar has."""
    try:
        times = np.fromiter(given, np.int64, len(given))
    except (TypeError, OverflowError):
        own_or_not = zip(given, record_times_ms.tolist(), strict=True)
        filled = [of_record if own is None else own for own, of_record in own_or_not]
        times = np.array([time if 0 <= time <= LAST_TIME_MS else NO_TIME_MS for time in filled], np.int64)
    times[(times < 0) | (times > LAST_TIME_MS)] = NO_TIME_MS
    return times


def _optional_keys(texts: list[str | None]) -> UInt64s:
    """Keys of the texts, 0 for those that are absent or empty."""
    if not any(texts):
        return np.zeros(len(texts), np.uint64)
    with suppress(TypeError):
        found = digest(cast("list[str]", texts))
        if found.shortest_bytes > 0:
            return found.keys
    keys = digest([text or "" for text in texts]).keys
    keys[[not text for text in texts]] = 0
    return keys


def _offsets(records: Sequence[Record]) -> Int64s:
    """The offsets; they ascend, so that without gaps the first and the last say all."""
    if records and records[-1].offset - records[0].offset == len(records) - 1:
        return np.arange(records[0].offset, records[-1].offset + 1, dtype=np.int64)
    return np.fromiter(map(OFFSET, records), np.int64, len(records))
