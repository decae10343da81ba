"""Offline evaluation of the recommender on a file of events, by the prequential protocol of `models.evaluation`."""

import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from models.accuracy import rank_metrics
from models.batch import Bools, Float32s, Interactions
from models.details import details
from models.evaluation import Outcomes, exposure, joined, prequential, scored_events, summarize
from models.groups import events_before
from models.recommender import Recommender, RecommenderOptions
from producers.columns import EventColumns
from producers.readers import ColumnNames, read_events
from worker import peers
from worker.catalogue_file import CatalogueFile
from worker.errors import ConfigurationError

NO_KIND = ""
FEW_EVENTS = 3


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events of a file make the stream.

    Attributes:
        kinds: only these kinds; empty = all.
        limit: only the first so many of these; None = all.
        weights: weights of kinds that are taken beside these; all others weigh 1.
    """

    kinds: frozenset[str] = frozenset()
    limit: int | None = None
    weights: Mapping[str, float] = field(default_factory=dict)

    @property
    def wanted(self) -> frozenset[str]:
        """All kinds that are taken; empty = all."""
        return self.kinds | self.weights.keys() if self.kinds else self.kinds


@dataclass(frozen=True, slots=True)
class Scoring:
    """Which events of the stream count, of those that lists are to foresee; all others are learned only.

    Attributes:
        after_ms: those at this time or later, UTC milliseconds; None = of any time.
        users: those of these users, less each user's first; None = of all users.
        not_kinds: none of these kinds.
    """

    after_ms: int | None = None
    users: frozenset[str] | None = None
    not_kinds: frozenset[str] = frozenset()

    def chosen(self, stream: Interactions, outcomes: Outcomes) -> Bools:
        """(n,) bool."""
        chosen: Bools = stream.of_objective.copy()
        if self.after_ms is not None:
            chosen &= stream.times_ms >= self.after_ms
        if self.users is not None:
            chosen &= np.fromiter(map(self.users.__contains__, stream.users), np.bool_, len(stream))
            chosen &= outcomes.history > 0
        if self.not_kinds:
            chosen &= ~of_kinds(stream, self.not_kinds)
        return chosen


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a pass over n events found.

    Attributes:
        stream: the n events.
        figures: all of them, for people and programs.
        ranks: (n,) float32, the blend's rank of each event's item from 1; inf = not among its candidates.
        scored: (n,) bool, which events count.
    """

    stream: Interactions
    figures: dict[str, Any]
    ranks: Float32s
    scored: Bools


def read_stream(path: Path, columns: ColumnNames, selection: Selection) -> Interactions:
    """The selected events of a parquet, CSV or JSONL file, in the file's order, with kinds, weights and values.

    Raises ConfigurationError for a file that cannot be read, or without such events.
    """
    there: set[str] = set()
    parts = list(_selected(read_events(path, columns, kind=NO_KIND), selection, there))
    is_whole = selection.limit is None or sum(map(len, parts)) < selection.limit
    absent = (selection.kinds | selection.weights.keys()) - there if is_whole else set()
    if absent or not parts:
        raise ConfigurationError(
            f"{path} has no events" + (f" of kind {' or '.join(sorted(absent))}" if absent else ""),
            f"it has the kinds {', '.join(sorted(there))}" if there else "give a file of events",
        )
    kinds = [kind for part in parts for kind in part.kinds]
    return Interactions(
        [user for part in parts for user in part.user_ids],
        [item for part in parts for item in part.item_ids],
        np.concatenate([part.times_ms for part in parts]),
        np.array([selection.weights.get(kind, 1.0) for kind in kinds], np.float32),
        kinds,
        np.concatenate([part.values for part in parts]),
    )


def read_streams(paths: Sequence[Path], columns: ColumnNames, selection: Selection) -> Interactions:
    """Those of all files as one stream, in the order of the files; `selection.limit` counts them together.

    Raises ConfigurationError as `read_stream` does.
    """
    parts = [read_stream(path, columns, selection) for path in paths]
    whole = Interactions(
        [user for part in parts for user in part.users],
        [item for part in parts for item in part.items],
        np.concatenate([part.times_ms for part in parts]),
        np.concatenate([part.weights for part in parts]),
        [kind for part in parts for kind in part.kinds],
        np.concatenate([part.values for part in parts if part.values is not None]),
    )
    return whole if selection.limit is None else whole.slice(0, selection.limit)


def aimed(stream: Interactions, objective: Collection[str]) -> Interactions:
    """The stream, of which lists are to foresee the events of these kinds; none = all.

    Raises ConfigurationError for a kind that no event has.
    """
    absent = sorted(set(objective) - set(stream.kinds))
    if absent:
        raise ConfigurationError(
            f"setting learning.objective: no event is of kind {' or '.join(absent)}",
            f"there are {', '.join(map(repr, sorted(set(stream.kinds))))}",
        )
    return replace(stream, of_objective=of_kinds(stream, objective)) if objective else stream


def of_kinds(stream: Interactions, kinds: Collection[str]) -> Bools:
    """(n,) bool, the events of these kinds."""
    return np.fromiter(map(kinds.__contains__, stream.kinds), np.bool_, len(stream))


def _selected(batches: Iterable[EventColumns], selection: Selection, there: set[str]) -> Iterator[EventColumns]:
    """The parts of the batches that are selected; `there` gathers the kinds that were met."""
    left = sys.maxsize if selection.limit is None else selection.limit
    for batch in batches:
        there.update(batch.kinds)
        others = set(batch.kinds) - selection.wanted if selection.wanted else ()
        part = batch.with_kinds(dict.fromkeys(others, "")).part(0, left) if others else batch.part(0, left)
        if len(part):
            yield part
        left -= len(part)
        if not left:
            return


def evaluate(
    stream: Interactions,
    options: RecommenderOptions,
    scoring: Scoring,
    progress: Callable[[int], None] = lambda events: None,
    against: Sequence[str] = (),
    catalogue: CatalogueFile | None = None,
) -> Evaluation:
    """Ranks, then learns, each event; figures over those that count, of the blend and of each expert alone.

    Items of the catalogue are known from when they came to it, to all models alike.

    Bounds of `options` that are too low for the stream are raised. `seconds` is the time of the pass. The baselines
    named in `against` follow on the same events, each in a pass of its own. `progress` is told how many events are
    done, those of all passes together. Raises ConfigurationError for a baseline that cannot run.
    """
    peers.prepare(against)
    catalogue = catalogue or CatalogueFile()
    fitting = with_room(options, stream, catalogue.ids)
    _pass(stream.slice(0, 1), fitting, CatalogueFile())  # compiles, so that the time is that of the work
    begin = time.perf_counter()
    recommender, outcomes = _pass(stream, fitting, catalogue, progress)
    seconds = time.perf_counter() - begin
    seen_excluded = recommender.excludes_seen
    chosen = scoring.chosen(stream, outcomes)
    scored = chosen & scored_events(outcomes, seen_excluded=seen_excluded)
    with_first = chosen & outcomes.known & ~(outcomes.had & seen_excluded)
    figures = {
        **summarize(outcomes, scored),
        **details(outcomes, scored, stream.items, stream.kinds),
        "first_events_included": _over(outcomes, with_first),
        "items_with_few_events": _over(outcomes, scored & (events_before(stream.items) < FEW_EVENTS)),
        "exposure": exposure(outcomes, scored, recommender.knowledge.events),
        "seen_excluded": seen_excluded,
        "users": len(set(stream.users)),
        "items": len(set(stream.items)),
        "seconds": round(seconds, 3),
        "events_per_second": round(len(stream) / seconds),
    }
    if against:
        figures["against"] = peers.compare(
            against,
            stream,
            outcomes.ranks,
            scored,
            seen_excluded=seen_excluded,
            progress=lambda events: progress(len(stream) + events),
        )
    return Evaluation(stream, figures, outcomes.ranks, scored)


def with_room(options: RecommenderOptions, stream: Interactions, catalogue: Iterable[str] = ()) -> RecommenderOptions:
    """The options, with bounds that are too low for the stream, and for items of a catalogue, raised."""
    users, items = len(set(stream.users)), len({*stream.items, *catalogue})
    return replace(options, max_users=max(options.max_users, users), max_items=max(options.max_items, items))


def _tell_from(start: int, progress: Callable[[int], None], events: int) -> None:
    progress(start + events)


def _over(outcomes: Outcomes, chosen: Bools) -> dict[str, float]:
    """The blend's figures over some events."""
    return {"scored": int(chosen.sum()), **rank_metrics(outcomes.ranks[chosen])}


def _pass(
    stream: Interactions,
    options: RecommenderOptions,
    catalogue: CatalogueFile,
    progress: Callable[[int], None] = lambda events: None,
) -> tuple[Recommender, Outcomes]:
    recommender = Recommender(options)
    shard, parts = recommender.new_shard(), []
    for start, stop, came in catalogue.parts(stream):
        recommender.describe_items(came)
        part = stream.slice(start, stop)
        parts.append(prequential(recommender, shard, part, partial(_tell_from, start, progress)))
    outcomes = joined(parts)
    outcomes.known[:] |= catalogue.knows(stream) & (stream.weights > 0)
    return recommender, outcomes
