"""Checkpoints that are written beside the loop."""

import pytest

from tests.support.deferred import Deferred
from tests.support.rig import Rig
from tests.support.stream import newest_offsets, shop
from worker.adapters.memory_source import MemoryEventSource
from worker.errors import SnapshotError

OFTEN = {"snapshots__interval_seconds": 0.1, "kafka__session_timeout_seconds": 0.03, "run__drain_seconds": 0.02}


def test_a_snapshot_holds_what_was_learned_when_it_was_begun() -> None:
    background = Deferred()
    rig = Rig(OFTEN, background=background)
    shop(rig.source, 10)

    def at_round(number: int) -> None:
        if number == 8:
            assert rig.watcher.snapshots == 0, "nobody has written it yet"
            shop(rig.source, 7)
        if number == 10:
            background.work()
        if number == 11:
            assert (rig.watcher.events, rig.watcher.snapshots, rig.source.committed) == (17, 1, {0: 10})
            assert newest_offsets(rig) == {0: 10}
            rig.worker.stop()

    with pytest.raises(SnapshotError, match="not written within"):
        rig.run(at_round)


def test_while_one_is_being_written_no_other_is_begun() -> None:
    background = Deferred()
    rig = Rig(OFTEN, background=background)

    def at_round(number: int) -> None:
        shop(rig.source, 1)
        if number == 30:
            assert len(background.waiting) == 1
            background.work()
        if number == 40:
            assert rig.watcher.snapshots == 1
            assert len(background.waiting) == 1
            rig.worker.stop()

    with pytest.raises(SnapshotError):
        rig.run(at_round)


def test_one_that_was_begun_before_a_partition_came_is_given_up() -> None:
    background = Deferred()
    rig = Rig(OFTEN, source=MemoryEventSource(partitions=2), background=background)
    shop(rig.source, 10)
    shop(rig.source, 10, partition=1)

    def at_round(number: int) -> None:
        if number == 2:
            rig.source.revoke(1)
        if number == 6:
            assert background.waiting
            rig.source.assign(1)
        if number == 7:
            background.work()
        if number == 8:
            assert rig.watcher.snapshots == 0
            background.work()
        if number == 9:
            assert rig.watcher.snapshots == 1
            assert rig.source.committed.keys() == {0, 1}
            rig.worker.stop()

    with pytest.raises(SnapshotError):
        rig.run(at_round)


def test_a_hand_over_that_takes_too_long_leaves_the_snapshot_before_and_the_worker_goes_on() -> None:
    background = Deferred()
    rig = Rig(OFTEN, source=MemoryEventSource(partitions=2), background=background)
    shop(rig.source, 10, partition=1)

    def at_round(number: int) -> None:
        if number == 6:
            background.work()
        if number == 7:
            shop(rig.source, 5, partition=1)
        if number == 8:
            rig.source.revoke(1)
        if number == 9:
            assert "the snapshot was not written within 0.01 s" in rig.watcher.failures
            assert rig.watcher.owned_partitions[-1] == [0]
            assert newest_offsets(rig)[1] == 10
            rig.worker.stop()

    with pytest.raises(SnapshotError):
        rig.run(at_round)
