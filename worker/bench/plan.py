"""What is measured, for how long, and what is aimed at."""

from dataclasses import dataclass
from pathlib import Path

TARGETS = {
    "learn_only_ratio": 0.6,
    "full_ratio": 0.35,
    "batched_ratio": 2.0,
    "learn_events_per_second": 200_000,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything.

    Attributes:
        file: events to use; None = the shipped sample.
        events: events in the topic; the file is repeated, with later times, until it has so many.
        rounds: how often raw loop and worker take turns; where they do so more than once, a round before does not
            count.
        batch_events: events a record in the batched topic.
        batched_times: how many times as many events the batched topic has, because they are soon read.
        learn_warmup_events: events learned before the in-process rate counts; after 1,024,000 the mixture learns
            from its least share.
        learn_events: events of which the rate is taken.
        rank_users: users ranked for the rate of lists.
        paced_rates: events a second at which freshness is taken.
        paced_seconds: how long at each rate.
        settle_seconds: how long it runs at the rate before freshness counts.
    """

    file: Path | None = None
    events: int = 300_000
    rounds: int = 5
    batch_events: int = 50
    batched_times: int = 3
    learn_warmup_events: int = 300_000
    learn_events: int = 300_000
    rank_users: int = 20_000
    paced_rates: tuple[int, ...] = (1000, 5000)
    paced_seconds: float = 10.0
    settle_seconds: float = 2.0


def plan(file: Path | None, events: int | None, *, quick: bool) -> Plan:
    """The whole measurement, or a quick look at everything whose figures are rough."""
    if not quick:
        return Plan(file, events or 300_000)
    return Plan(
        file,
        events or 50_000,
        rounds=1,
        batched_times=1,
        learn_events=50_000,
        rank_users=1000,
        paced_seconds=2.0,
        settle_seconds=1.0,
    )
