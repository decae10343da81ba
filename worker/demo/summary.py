"""What a demo came to."""

from dataclasses import dataclass

from worker.demo.statistics import Figures
from worker.machine import Machine

DIGITS = 4


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Of durations, right to 1 %; None = nothing was measured."""

    p50: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """A demo in figures.

    Attributes:
        seconds: from the first event to the last.
        first_list_seconds: from the command's start to the first list of a user in Redis; None = there was none.
        events_consumed: events that were learned.
        errors: failed snapshots, failed writes to Redis, refused lists, lost dead letters: see `Statistics`.
        freshness_seconds: from the oldest event that a list had not reflected to its visibility, over all lists.
        served_events: events whose user had a list when they happened, as long as the sample was new to the worker.
        served_hit_rate_at_20: share of these whose item stood in that list.
        popular_hit_rate_at_20: share of the same events whose item stood in the popular list.
    """

    seconds: float
    first_list_seconds: float | None
    events_consumed: int
    events_rejected: int
    rejected_by_reason: dict[str, int]
    errors: int
    errors_by_kind: dict[str, int]
    lists_published: int
    freshness_seconds: Quantiles
    served_events: int
    served_hit_rate_at_20: float | None
    popular_hit_rate_at_20: float | None
    machine: Machine


def summary_of(figures: Figures, first_list_seconds: float | None, machine: Machine) -> Summary:
    """The figures at the end, rounded."""
    total = figures.total
    return Summary(
        seconds=round(figures.events_seconds, 1),
        first_list_seconds=_rounded(first_list_seconds),
        events_consumed=total.events,
        events_rejected=sum(figures.rejected.values()),
        rejected_by_reason=dict(figures.rejected),
        errors=sum(figures.errors.values()),
        errors_by_kind=dict(figures.errors),
        lists_published=total.lists,
        freshness_seconds=Quantiles(*(_rounded(total.freshness.quantile(share)) for share in (0.5, 0.99))),
        served_events=total.served,
        served_hit_rate_at_20=_rounded(total.hit_rate),
        popular_hit_rate_at_20=_rounded(total.popular_hit_rate),
        machine=machine,
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)
