"""The wall clock jumps, forwards and back: nothing that matters goes by it."""

from collections.abc import Sequence

import pytest
from typing_extensions import override

from tests.support.records import NOW_MS, line
from tests.support.rig import Rig, assert_same_state, learned_state
from worker.adapters.memory import ManualClock
from worker.adapters.memory_source import MemoryEventSource

DAY_MS = 86_400_000
EVENTS = 60


class JumpingClock(ManualClock):
    """Its wall clock may be set; its monotonic one cannot."""

    set_ms = 0

    @override
    def now_ms(self) -> int:
        return super().now_ms() + self.set_ms


def shop(source: MemoryEventSource, part: int) -> None:
    """The next 60 events, at the times of their places in the log."""
    for place in range(part * EVENTS, (part + 1) * EVENTS):
        source.append(line(f"u{place % 7}", f"i{place % 5}"), b"k", 0, NOW_MS + place)


def run(jumps_ms: Sequence[int]) -> Rig:
    """Learns and publishes while the clock is set anew at every fourth round, then once more after a restart."""
    clock, source = JumpingClock(), MemoryEventSource()
    rig = Rig({"snapshots__interval_seconds": 0.1, "snapshots__keep": 50}, source, clock=clock)

    def at_round(number: int) -> None:
        if number % 4 == 1 and number // 4 < len(jumps_ms):
            clock.set_ms = jumps_ms[number // 4]
            shop(source, number // 4)

    rig.run(at_round)
    assert rig.watcher.refused == 0
    assert min(rig.watcher.freshness_seconds) >= 0
    shop(source, len(jumps_ms))
    return rig.again().run()


@pytest.mark.parametrize("jumps_ms", [(0, DAY_MS, 2 * DAY_MS), (0, -DAY_MS, -2 * DAY_MS), (DAY_MS, -DAY_MS, 0)])
def test_a_wall_clock_that_jumps_changes_no_state_and_refuses_no_list(jumps_ms: Sequence[int]) -> None:
    jumped, steady = run(jumps_ms), run((0, 0, 0))
    assert jumped.watcher.refused == 0
    assert jumped.recommender.events == steady.recommender.events == 4 * EVENTS
    assert_same_state(learned_state(jumped.recommender), learned_state(steady.recommender))
    assert jumped.lists.lists.keys() == steady.lists.lists.keys()
