"""The loop on adapters in memory: partitions that come and go, and where they go on."""

import pytest

from models.knowledge import EVENTS
from tests.support.rig import Rig
from tests.support.stream import Flaky, FullDisk, shop
from worker.adapters.memory import MemorySnapshots
from worker.adapters.memory_source import MemoryEventSource
from worker.errors import OwnershipLost, PositionError, SnapshotError
from worker.ports import ManifestName

# -- partitions come and go ---------------------------------------------------------------------------------------


def test_a_partition_that_goes_is_safe_before_the_other_worker_can_have_it() -> None:
    rig = Rig(source=MemoryEventSource(partitions=2))
    shop(rig.source, 20)
    shop(rig.source, 20, partition=1)
    found: list[int] = []

    def at_round(number: int) -> None:
        if number == 5:
            rig.source.revoke(1)
        if number == 6:
            other = Rig(overrides={"kafka__instance_id": "w-1"}, snapshots=rig.snapshots)
            found.append(other.worker._parts.restorer.take(1)[0].next_offset)
            shop(rig.source, 5)

    rig.run(at_round)
    assert found == [20]
    assert rig.watcher.owned_partitions == [[0, 1], [0]]
    assert rig.watcher.events == 45
    assert rig.source.committed == {0: 25, 1: 20}
    assert len(rig.recommender._shards) == 1


def test_a_partition_that_could_not_be_made_safe_ends_the_worker() -> None:
    rig = Rig(source=MemoryEventSource(partitions=2))
    shop(rig.source, 20)
    shop(rig.source, 20, partition=1)

    def at_round(number: int) -> None:
        if number == 5:
            assert isinstance(rig.snapshots, MemorySnapshots)
            rig.snapshots.write_blob = no_space  # type: ignore[method-assign]
            rig.source.revoke(1)

    def no_space(content: bytes) -> str:
        raise SnapshotError("no space left")

    with pytest.raises(SnapshotError, match="no space left"):
        rig.run(at_round)
    assert rig.source.committed == {}, "its restart learns again what the next owner of partition 1 does not"


def test_a_worker_that_stood_by_takes_over_with_what_is_known_by_then() -> None:
    spare = Rig(overrides={"kafka__instance_id": "w-1"})
    spare.source._script.clear()  # nothing is assigned to it
    owner = Rig(snapshots=spare.snapshots, lists=spare.lists)
    shop(owner.source, 20)
    shop(spare.source, 25)

    def at_round(number: int) -> None:
        if number == 4:
            owner.run()
            spare.clock.advance(60.0)
        if number == 6:
            assert spare.lists.popular == owner.lists.popular, "who stands by does not renew the popular list"
            spare.source.assign(0)

    spare.run(at_round)
    assert spare.watcher.events == 5
    assert spare.recommender.knowledge.counters[EVENTS] == 25


def test_a_partition_that_comes_back_goes_on_where_it_was() -> None:
    rig = Rig(source=MemoryEventSource(partitions=2))
    shop(rig.source, 20, partition=1)

    def at_round(number: int) -> None:
        if number == 4:
            rig.source.revoke(1)
        if number == 6:
            rig.source.assign(1)
        if number == 8:
            shop(rig.source, 5, partition=1)

    rig.run(at_round)
    assert rig.watcher.events == 25
    assert rig.watcher.owned_partitions == [[0, 1], [0], [0, 1]]


def test_a_partition_that_goes_before_it_was_taken_is_not_taken() -> None:
    rig = Rig(source=Flaky(begin=1_000))

    def at_round(number: int) -> None:
        rig.clock.advance(1.0)
        if number == 3:
            rig.source.revoke(0)
        if number == 5:
            assert isinstance(rig.source, Flaky)
            rig.source.failures.clear()

    rig.run(at_round)
    assert rig.watcher.owned_partitions == []
    assert rig.recommender._shards == []


def test_when_kafka_does_not_say_what_it_holds_the_taking_over_is_tried_again() -> None:
    rig = Rig(source=Flaky(begin=2))
    shop(rig.source, 10)
    told: list[str | None] = []

    def at_round(number: int) -> None:
        told.append(rig.worker.why_not_ready())
        rig.clock.advance(0.5)

    rig.run(at_round)
    assert rig.watcher.events == 10
    assert "restoring partitions [0]: no begin now" in told
    assert len(rig.recommender._shards) == 1


def test_when_the_claim_cannot_be_written_nothing_is_learned_until_it_can() -> None:
    rig = Rig(snapshots=FullDisk(manifests=2))
    shop(rig.source, 10)
    events: list[int] = []

    def at_round(number: int) -> None:
        events.append(rig.watcher.events)
        rig.clock.advance(0.5)

    rig.run(at_round)
    assert events[:3] == [0, 0, 0]
    assert rig.watcher.events == 10, "records that came before the claim stood are read again"
    assert rig.source.committed == {0: 10}


def test_a_worker_that_was_replaced_ends_and_writes_nothing() -> None:
    rig = Rig()
    shop(rig.source, 10)

    def at_round(number: int) -> None:
        if number == 4:
            rig.source.lose()

    with pytest.raises(OwnershipLost):
        rig.run(at_round)
    assert rig.watcher.snapshots == 0
    assert rig.source.committed == {}


def test_a_worker_whose_name_was_taken_ends_at_its_next_snapshot() -> None:
    rig = Rig(overrides={"snapshots__interval_seconds": 1.0})

    def at_round(number: int) -> None:
        shop(rig.source, 1)
        if number == 3:
            rig.snapshots.create_manifest(ManifestName("w-0", 2), b"{}")

    with pytest.raises(OwnershipLost):
        rig.run(at_round)
    assert rig.source.committed == {}


# -- positions ----------------------------------------------------------------------------------------------------


def stopped_after(events: int) -> Rig:
    """A worker that learned so many events and stopped."""
    rig = Rig()
    shop(rig.source, events)
    return rig.run()


def test_a_restart_goes_on_from_the_snapshot_whatever_the_group_committed() -> None:
    rig = stopped_after(10)
    rig.source.committed[0] = 3
    shop(rig.source, 5)
    assert rig.again().run().watcher.events == 5


def test_a_gap_stops_the_worker() -> None:
    rig = stopped_after(10)
    shop(rig.source, 20)
    rig.source.truncate(0, 15)
    with pytest.raises(PositionError, match="15 to 30, not our position 10"):
        rig.again().run()


def test_a_gap_is_skipped_when_that_is_allowed() -> None:
    rig = stopped_after(10)
    shop(rig.source, 20)
    rig.source.truncate(0, 15)
    after = rig.again(kafka__on_gap="skip").run()
    assert after.watcher.events == 15
    assert after.source.committed == {0: 30}


def test_a_partition_of_which_no_snapshot_is_whole_ends_the_worker() -> None:
    rig = Rig({"snapshots__keep": 1}, source=MemoryEventSource(partitions=2))
    shop(rig.source, 20, partition=1)
    rig.run()
    after = rig.again()

    def at_round(number: int) -> None:
        if number == 4:
            rig.snapshots.drop([], rig.snapshots.blobs())
            rig.source.assign(1)

    with pytest.raises(SnapshotError, match="no snapshot of partition 1 can be read"):
        after.run(at_round)
