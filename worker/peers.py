"""Known recommenders (`models.baselines`) on the events of an evaluation, to compare the blend with."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from models.accuracy import rank_metrics
from models.baselines.baseline import ranks_by
from models.baselines.registry import BASELINES
from models.baselines.stream import Stream
from models.batch import Bools, Float32s, Interactions
from models.details import beside
from models.evaluation import MISS
from worker.errors import ConfigurationError


def prepare(names: Sequence[str]) -> None:
    """Compiles the named baselines. Raises ConfigurationError for one that there is not or that cannot run here."""
    unknown = [name for name in names if name not in BASELINES]
    if unknown:
        raise ConfigurationError(f"unknown baseline {unknown[0]}", f"there are {', '.join(BASELINES)}")
    one_event = Stream.of(Interactions.of(["user"], ["item"], [0]), seen_excluded=False)
    for name in names:
        try:
            ranks_by(BASELINES[name](one_event), 1)
        except ImportError as error:
            raise ConfigurationError(
                f"the baseline {name} cannot run: {error}", f"pip install 'millrace[{name}]', or compare without it"
            ) from error


def compare(
    names: Sequence[str],
    stream: Interactions,
    ranks: Float32s,
    scored: Bools,
    *,
    seen_excluded: bool,
    progress: Callable[[int], None],
) -> Mapping[str, Mapping[str, Any]]:
    """Figures of each baseline over the scored events, by name; each ranks, then learns, the whole stream.

    Each is also set beside the blend, whose (n,) ranks of all events are `ranks`.

    `progress` is told how many events are done, those of all baselines together.
    """
    rows = Stream.of(stream, seen_excluded=seen_excluded)
    return {
        name: _figures(name, rows, ranks, scored, _after(number * len(stream), progress))
        for number, name in enumerate(names)
    }


def _after(done: int, progress: Callable[[int], None]) -> Callable[[int], None]:
    return lambda events: progress(done + events)


def _figures(
    name: str, rows: Stream, blend: Float32s, scored: Bools, progress: Callable[[int], None]
) -> dict[str, Any]:
    ranks = np.full(len(scored), MISS, np.float32)
    baseline = BASELINES[name](rows)
    begin = time.perf_counter()
    ranks[rows.places] = ranks_by(baseline, len(rows.places), progress)
    seconds = time.perf_counter() - begin
    return {
        **rank_metrics(ranks[scored]),
        **beside(blend[scored], ranks[scored]),
        "seconds": round(seconds, 3),
        "events_per_second": round(len(rows.places) / seconds),
    }
