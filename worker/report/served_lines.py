"""What a replay through a whole worker found, as lines for people."""

from collections.abc import Iterator, Mapping
from math import isnan
from typing import Any

METRICS = {"HR@20": "hr_at_20", "MRR@20": "mrr_at_20"}
SERVED_HEAD = ("served, every", *METRICS, *(f"{name} lost, %" for name in METRICS), "outdated", "fresh p99")


def served_lines(figures: Mapping[str, Any]) -> Iterator[list[str]]:
    """The ideal and each refresh interval, with what was lost and its interval."""
    ideal = [f"{figures['ideal'][key]:.4f}" for key in METRICS.values()]
    yield ["event, ideal", *ideal, *[""] * (len(SERVED_HEAD) - 1 - len(ideal))]
    for interval, row in figures["by_refresh_seconds"].items():
        yield [
            f"{interval} s",
            *(f"{row[key]:.4f}" for key in METRICS.values()),
            *(_loss(row, key) for key in METRICS.values()),
            f"{100 * row['outdated']:.0f} %",
            f"{row['freshness_seconds']['p99']:.3f} s",
        ]


def served_notes(figures: Mapping[str, Any]) -> Iterator[str]:
    """What the lines are to be read with: the pace, and what casts doubt on one."""
    pace = figures["pace"]
    how = f"{pace['rate']:,g} events/s" if pace["rate"] else f"{pace['speed']:g} times the original speed"
    gap = pace["users_own_gap_seconds"]["p50"]
    yield (
        f"Replayed at {how}: {pace['seconds']:,.1f} s for each interval"
        + ("." if isnan(gap) else f"; half of the scored events come within {gap:.3g} s of the user's event before.")
    )
    for interval, row in figures["by_refresh_seconds"].items():
        yield from (f"Interval {interval} s: {doubt}" for doubt in _doubts(row))


def _loss(row: Mapping[str, Any], key: str) -> str:
    low, high = row["loss_interval_percent"][key]
    return f"{row['loss_percent'][key]:.1f} ({low:.1f} to {high:.1f})"


def _doubts(row: Mapping[str, Any]) -> Iterator[str]:
    if not row["pace_held"]:
        late = row["late_seconds"]
        yield f"the pace was not held: p99 of events {late['p99']:.2f} s late, {row['events_per_second']:,.0f} events/s"
    if not row["kept_up"]:
        yield f"the worker did not keep up: events were learned after up to {row['learned_after_seconds']['p99']:.2f} s"
    if row["events_rejected"]:
        yield f"the worker turned away {sum(row['events_rejected'].values()):,} events that the ideal learned"
