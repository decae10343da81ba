"""Whole workers under a seeded scheduler, with faults between any two steps. A failure names its seed.

`python -m tests.recovery.simulator --seed N` shows it step by step.
"""

from collections.abc import Callable, Sequence
from itertools import chain, count

import pytest

from tests.recovery.simulator.__main__ import outcomes
from tests.recovery.simulator.source import SimulatedSource
from tests.recovery.simulator.world import Outcome, World
from worker.adapters.memory import MemoryLists
from worker.checkpoint import Cut
from worker.checkpointing import Checkpointing
from worker.events import RecommendationList
from worker.ownership import Ownership
from worker.partition import OwnedPartition

SEEDS_PER_TEST = 250
MOST_SEEDS = 500  # until a deliberate bug must have shown


@pytest.mark.timeout(300)
@pytest.mark.parametrize("first", range(0, 2000, SEEDS_PER_TEST))
def test_whatever_fails_nothing_is_lost_doubled_or_overwritten_by_older(first: int) -> None:
    found = outcomes(range(first, first + SEEDS_PER_TEST))
    assert {each.seed: each.violation for each in found if each.violation} == {}


def test_a_seed_replays_step_by_step() -> None:
    worlds = [World(17, traced=True) for _ in range(2)]
    one, other = [world.run() for world in worlds]
    assert one == other
    assert worlds[0].scheduler.trace == worlds[1].scheduler.trace
    assert one.steps > 100


def test_all_kinds_of_faults_are_injected() -> None:
    injected = {name for outcome in outcomes(range(60)) for name in outcome.faults}
    assert injected >= {"kill", "terminate", "freeze", "twin", "scale", "rebalance", "broker", "lists", "snapshots"}


# -- deliberate bugs --------------------------------------------------------------------------------------------


def first_violation() -> Outcome:
    """Of the first seed that breaks a promise."""
    found = chain.from_iterable(outcomes(range(start, start + 10)) for start in count(0, 10))
    return next(each for each in found if each.violation or each.seed >= MOST_SEEDS)


def test_a_commit_before_its_snapshot_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    finish = Checkpointing._finish

    def commit_first(
        self: Checkpointing, cut: Cut, releasing: Sequence[int] = (), within_seconds: float | None = None
    ) -> None:
        self._commit({number: entry.next_offset for number, entry in cut.partitions.items()})
        finish(self, cut, releasing, within_seconds)

    monkeypatch.setattr(Checkpointing, "_finish", commit_first)
    assert "is committed before its snapshot" in str(first_violation().violation)


def test_a_write_without_condition_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def always(self: MemoryLists, user: str, new: RecommendationList) -> bool:
        return True

    monkeypatch.setattr(MemoryLists, "_is_newer", always)
    assert "was overwritten by one at" in str(first_violation().violation)


def test_a_seek_to_the_committed_offset_instead_of_the_snapshots_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    begin: Callable[[Ownership, OwnedPartition, int | None], None] = Ownership._begin

    def from_committed(self: Ownership, owned: OwnedPartition, offset: int | None) -> None:
        source = self._parts.source
        assert isinstance(source, SimulatedSource)
        begin(self, owned, source._group.committed.get(owned.number, offset))

    monkeypatch.setattr(Ownership, "_begin", from_committed)
    assert first_violation().violation
