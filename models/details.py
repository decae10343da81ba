"""What an evaluation says beyond its headline figures: where, when, and whether by more than chance."""

from collections.abc import Sequence
from typing import Any

from models.accuracy import gains
from models.batch import Bools, Float32s, Int64s
from models.comparison import COMPARED, compare
from models.curves import WINDOW_EVENTS, curve_points, fading_means, running_means
from models.evaluation import Outcomes
from models.groups import by_history, by_item_age, by_item_events, by_kind, grouped_metrics

HIT_RATE = COMPARED[0]


def details(outcomes: Outcomes, scored: Bools, items: Sequence[str], kinds: Sequence[str] = ()) -> dict[str, Any]:
    """The blend's figures by group and along the stream, and against each expert's, over the scored events.

    `items` and `kinds` are those of all events; without kinds there is no `by_kind`.
    """
    ranks, positions = outcomes.ranks[scored], scored.nonzero()[0]
    experts = {name: outcomes.expert_ranks[scored, index] for index, name in enumerate(outcomes.experts)}
    groups = {
        "by_history": by_history(outcomes.history),
        "by_item_age": by_item_age(items),
        "by_item_events": by_item_events(items),
    }
    if any(kinds):
        groups["by_kind"] = by_kind(kinds)
    return {
        **{name: grouped_metrics(ranks, group.of(scored)) for name, group in groups.items()},
        "curve": _curve(ranks, experts, positions),
        "comparisons": {name: compare(ranks, others) for name, others in experts.items()},
    }


def beside(ranks: Float32s, others: Float32s) -> dict[str, Any]:
    """Another model's (n,) ranks on the events of the blend's: its fading HR@20 at the same points, and the contest."""
    return {"fading": _fading_hits(others, curve_points(len(ranks))), "comparison": compare(ranks, others)}


def _fading_hits(ranks: Float32s, points: Int64s) -> list[float]:
    fading: list[float] = fading_means(gains(ranks)[HIT_RATE], points).round(5).tolist()
    return fading


def _curve(ranks: Float32s, experts: dict[str, Float32s], positions: Int64s) -> dict[str, Any]:
    """By the number of stream events: HR@20 and MRR@20, running and fading; the experts' HR@20, fading."""
    points = curve_points(len(ranks))
    ours = {name: column for name, column in gains(ranks).items() if name in COMPARED}
    return {
        "window_events": WINDOW_EVENTS,
        "events": (positions[points - 1] + 1).tolist(),
        "running": {name: running_means(column, points).round(5).tolist() for name, column in ours.items()},
        "fading": {name: fading_means(column, points).round(5).tolist() for name, column in ours.items()},
        "experts": {name: _fading_hits(others, points) for name, others in experts.items()},
    }
