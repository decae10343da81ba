"""The figures of a replay: how good the lists were that clients were shown, what was lost, and whether it is valid."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from models.accuracy import rank_metrics
from models.batch import Bools, Float32s, Float64s
from models.comparison import COMPARED, compare
from worker.served.reading import Reads, Source
from worker.served.times import late_seconds
from worker.served.watch import Watch

LATE_SECONDS = 0.1
BEHIND_SECONDS = 1.0


def served_figures(reads: Reads, ideal_ranks: Float32s, scored: Bools) -> dict[str, Any]:
    """Over the scored events: rank figures, their loss against (n,) ideal ranks, and which lists were shown.

    The loss is in percent of the ideal figure, that of HR@20 and MRR@20 with an interval of 95 %.
    """
    ideal_ranks, ranks = ideal_ranks[scored], reads.ranks[scored]
    ideal, served = rank_metrics(ideal_ranks), rank_metrics(ranks)
    sources = reads.sources[scored]
    return {
        **served,
        "loss_percent": {name: loss_percent(ideal[name], value) for name, value in served.items()},
        "loss_interval_percent": _intervals(ideal_ranks, ranks, ideal),
        "own_list": _share(sources == Source.OWN),
        "popular_list": _share(sources == Source.POPULAR),
        "no_list": _share(sources == Source.NONE),
        "outdated": _share(reads.outdated[scored]),
    }


def loss_percent(ideal: float, served: float) -> float:
    """How much of the ideal figure is missing; below 0 = the served one is higher, nan = there is no ideal one."""
    return 100 * (1 - served / ideal) if ideal > 0 else float("nan")


def _intervals(ideal_ranks: Float32s, ranks: Float32s, ideal: Mapping[str, float]) -> dict[str, list[float]]:
    """From, to; by figure."""
    differences = compare(ideal_ranks, ranks)
    return {
        name: [loss_percent(ideal[name], ideal[name] - differences[name][end]) for end in ("low", "high")]
        for name in COMPARED
    }


def validity_figures(reads: Reads, planned: Float64s, watch: Watch) -> dict[str, Any]:
    """Whether the pace was held and the worker kept up, and with what numbers.

    `pace_held`: 99 of 100 events were sent within 0.1 s of their time. `kept_up`: 99 of 100 batches were learned
    within 1 s of the sending of their first event.
    """
    late = quantiles(late_seconds(reads.sent_seconds, planned))
    learned_after = quantiles(watch.learned_after_seconds(reads.sent_seconds))
    seconds = float(reads.sent_seconds[-1] - reads.sent_seconds[0])
    return {
        "seconds": round(seconds, 3),
        "events_per_second": round(len(planned) / seconds, 1) if seconds else float("nan"),
        "pace_held": late["p99"] <= LATE_SECONDS,
        "late_seconds": late,
        "kept_up": learned_after["p99"] <= BEHIND_SECONDS,
        "learned_after_seconds": learned_after,
        "freshness_seconds": quantiles(np.concatenate([*watch.freshness, np.zeros(0)])),
        "lists_published": watch.lists,
        "events_rejected": dict(watch.rejected),
    }


def quantiles(seconds: Float64s) -> dict[str, float]:
    """Median, 99th percentile and longest; nan over nothing."""
    p50, p99, longest = np.percentile(seconds, (50, 99, 100)).round(4).tolist() if len(seconds) else [float("nan")] * 3
    return {"p50": p50, "p99": p99, "longest": longest}


def _share(chosen: Bools) -> float:
    return float(chosen.mean()) if len(chosen) else float("nan")
