"""A pass over a stream under given settings: the gain of each event, and how the mean develops on the way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from models.accuracy import gains
from models.batch import Bools, Float32s, Float64s, Interactions
from models.comparison import difference_interval
from models.evaluation import Outcomes, prequential, scored_events
from models.recommender import Recommender, RecommenderOptions
from worker.errors import ConfigurationError
from worker.offline import with_room

BLOCKS = 10

Report = Callable[[int, float], None]


@dataclass(frozen=True, slots=True)
class Pass:
    """What a pass over n events found.

    Attributes:
        ranks: (n,) float32, of each event's item from 1; inf = not ranked.
        scored: (n,) bool, which events count.
    """

    ranks: Float32s
    scored: Bools

    def gains(self, metric: str) -> Float64s:
        """(n,) float64, what each event adds to the figure; 0 where it does not count."""
        return np.where(self.scored, gains(self.ranks)[metric], 0.0)

    def mean(self, metric: str) -> float:
        """The figure over the events that count; nan over none."""
        counted = int(self.scored.sum())
        return float(self.gains(metric).sum()) / counted if counted else float("nan")


def weighed(stream: Interactions, weights: Mapping[str, float]) -> Interactions:
    """The stream with each event of the weight of its kind."""
    return replace(stream, weights=np.array([weights[kind] for kind in stream.kinds], np.float32))


def run_pass(
    stream: Interactions,
    options: RecommenderOptions,
    counted: Bools,
    metric: str,
    report: Report = lambda block, value: None,
) -> Pass:
    """Ranks, then learns, each event; after each tenth `report` hears its number, from 1, and the figure so far.

    `counted` (n,) says which events may count, of those that the protocol scores.
    """
    recommender = Recommender(with_room(options, stream))
    shard = recommender.new_shard()
    parts: list[Outcomes] = []
    found = Pass(np.zeros(0, np.float32), np.zeros(0, np.bool_))
    bounds = np.linspace(0, len(stream), BLOCKS + 1).astype(int).tolist()
    for block in range(BLOCKS):
        start, stop = bounds[block], bounds[block + 1]
        parts.append(_without_lists(prequential(recommender, shard, stream.slice(start, stop))))
        found = _together(parts, counted[:stop], seen_excluded=recommender.excludes_seen)
        report(block + 1, found.mean(metric))
    return found


def gain_of(in_force: Pass, tuned: Pass, metric: str) -> dict[str, Any]:
    """What the second pass adds to the figure, with the interval of 95 % confidence of `models.comparison`.

    Raises ConfigurationError where no event counts.
    """
    scored = in_force.scored & tuned.scored
    if not scored.any():
        raise ConfigurationError("no event after the searched part counts", "search fewer events, or give more")
    ours, theirs = tuned.gains(metric)[scored], in_force.gains(metric)[scored]
    interval = difference_interval(ours - theirs)
    return {
        "scored": int(scored.sum()),
        "in_force": float(theirs.mean()),
        "tuned": float(ours.mean()),
        **interval._asdict(),
        "verdict": "better" if interval.low > 0 else "worse" if interval.high < 0 else "within noise",
    }


def _without_lists(outcomes: Outcomes) -> Outcomes:
    """Lists take most of the memory, and are not asked for."""
    return outcomes._replace(lists=outcomes.lists[:, :0].copy())


def _together(parts: list[Outcomes], counted: Bools, *, seen_excluded: bool) -> Pass:
    whole = Outcomes._make(np.concatenate(columns) for columns in zip(*parts, strict=True))
    return Pass(whole.ranks, counted & scored_events(whole, seen_excluded=seen_excluded))
