"""Figures of a replay through a whole worker that went wrong in every way that is told."""

from typing import Any


def doubtful_replay() -> dict[str, Any]:
    """Of one refresh interval."""
    ranks = {"hr_at_10": 0.1, "hr_at_20": 0.2, "mrr_at_20": 0.05}
    quantiles = {"p50": 0.1, "p99": 2.5, "longest": 3.0}
    row = ranks | {
        "hr_at_20": 0.15,
        "loss_percent": {"hr_at_20": 25.0, "mrr_at_20": 0.0},
        "loss_interval_percent": {"hr_at_20": [20.5, 29.5], "mrr_at_20": [-1.0, 1.0]},
        "outdated": 0.5,
        "freshness_seconds": quantiles,
        "pace_held": False,
        "late_seconds": quantiles,
        "events_per_second": 80.0,
        "kept_up": False,
        "learned_after_seconds": quantiles,
        "events_rejected": {"bad_id": 3},
    }
    pace = {"rate": 100.0, "speed": None, "seconds": 60.0, "users_own_gap_seconds": quantiles}
    return {"ideal": ranks, "pace": pace, "by_refresh_seconds": {"0.25": row}}
