"""The log of manifests: whoever takes a partition over ends the log of the one who may still believe to have it."""

import pytest

from tests.support.member import Member, manifests_of, shop
from tests.support.rig import assert_same_state, learned_state
from worker.adapters.memory import MemorySnapshots
from worker.errors import OwnershipLost, SnapshotError
from worker.ports import ManifestName


@pytest.fixture
def store() -> MemorySnapshots:
    return MemorySnapshots()


def test_a_worker_that_was_thought_dead_can_write_no_snapshot_any_more(store: MemorySnapshots) -> None:
    zombie = Member(store, "w-0").take(0, 1).learn(*shop(20)).write()
    Member(store, "w-1").take(0)
    zombie.learn(*shop(5))
    with pytest.raises(OwnershipLost, match="by another worker"):
        zombie.write()
    with pytest.raises(OwnershipLost):
        zombie.take(2)


def test_a_worker_whose_log_was_sealed_goes_on_from_the_manifest_before_the_seal(store: MemorySnapshots) -> None:
    before = Member(store, "w-0").take(0, 1).learn(*shop(20)).learn(*shop(9, 4), partition=1).write()
    expected = learned_state(before.recommender, partition=1)
    Member(store, "w-1").take(0)
    after = Member(store, "w-0")
    assert after.restored
    after.take(1)
    assert (after.partitions[1].epoch, after.partitions[1].next_offset) == (2, 9)
    assert_same_state(learned_state(after.recommender), expected)
    after.learn(*shop(3), partition=1).write().write()
    assert after.manifest().released == {}, "partition 0 has a higher epoch elsewhere"


def test_who_gave_a_partition_up_in_order_is_not_sealed(store: MemorySnapshots) -> None:
    giver = Member(store, "w-0").take(0, 1).learn(*shop(20)).write(0)
    assert Member(store, "w-1").take(0).partitions[0].next_offset == 20
    giver.write()
    assert not any(manifest.sealed_by for manifest in manifests_of(store))


def test_a_restart_does_not_seal_its_own_log(store: MemorySnapshots) -> None:
    Member(store).take(0).learn(*shop(20)).write()
    Member(store).take(0)
    assert not any(manifest.sealed_by for manifest in manifests_of(store))


def test_who_seals_and_dies_leaves_the_same_state_to_the_next(store: MemorySnapshots) -> None:
    Member(store, "w-0").take(0).learn(*shop(20)).write()
    Member(store, "w-1").log.seal([0], 0)
    heir = Member(store, "w-2").take(0)
    assert (heir.partitions[0].epoch, heir.partitions[0].next_offset) == (2, 20)
    assert [manifest.sealed_by for manifest in manifests_of(store)].count("w-1") == 1, "one seal is enough"
    assert Member(store, "w-0").take(0).partitions[0].epoch == 3


def test_what_the_owner_wrote_just_before_the_seal_is_taken(store: MemorySnapshots) -> None:
    owner = Member(store, "w-0").take(0).learn(*shop(20)).write().learn(*shop(5, 4))

    class Slower(MemorySnapshots):
        """Between our look and our seal the owner writes once more."""

        def create_manifest(self, name: ManifestName, content: bytes) -> None:
            if name.instance == "w-0" and owner.manifest().partitions[0].next_offset == 20:
                owner.write()
            store.create_manifest(name, content)

    slower = Slower()
    slower._blobs, slower._manifests = store._blobs, store._manifests
    assert Member(slower, "w-1").take(0).partitions[0].next_offset == 25
    with pytest.raises(OwnershipLost):
        owner.write()


def test_a_log_whose_last_manifest_is_damaged_is_sealed_behind_it(store: MemorySnapshots) -> None:
    zombie = Member(store, "w-0").take(0).learn(*shop(20)).write().learn(*shop(5, 4)).write()
    store._manifests[store.manifests()[-1]] = b"{"
    assert Member(store, "w-1").take(0).partitions[0].next_offset == 20
    with pytest.raises(OwnershipLost):
        zombie.write()


def test_a_store_that_cannot_be_written_says_so(store: MemorySnapshots) -> None:
    class Full(MemorySnapshots):
        def create_manifest(self, name: ManifestName, content: bytes) -> None:
            raise SnapshotError("no space left")

    Member(store, "w-0").take(0).learn(*shop(20)).write()
    full = Full()
    full._blobs, full._manifests = store._blobs, store._manifests
    with pytest.raises(SnapshotError, match="no space left"):
        Member(full, "w-1").log.seal([0], 0)


def test_a_number_that_is_free_because_it_was_dropped_is_not_written_again(store: MemorySnapshots) -> None:
    late = Member(store, keep=2)
    other = Member(store, keep=2).take(0).learn(*shop(20))
    for _ in range(4):
        other.write()
    assert ManifestName("w-0", 1) not in store.manifests()
    with pytest.raises(OwnershipLost, match="continued or ended"):
        late.take(0)
    assert ManifestName("w-0", 1) not in store.manifests()


def test_who_wrote_a_number_that_was_dropped_just_then_learns_of_it(store: MemorySnapshots) -> None:
    other = Member(store, keep=2).take(0).learn(*shop(20))

    class Slow(MemorySnapshots):
        """Between our look and our manifest another process of our name writes, and drops its oldest ones."""

        def create_manifest(self, name: ManifestName, content: bytes) -> None:
            for _ in range(4):
                other.write()
            store.create_manifest(name, content)

    slow = Slow()
    slow._blobs, slow._manifests = store._blobs, store._manifests
    late = Member(slow, keep=2)
    for name in store.manifests():
        store.drop([name], [])
    late.log.sequence = 0
    with pytest.raises(OwnershipLost, match="continued or ended"):
        late.take(1)


def test_of_two_that_claim_a_partition_at_the_same_time_none_learns_before_it_has_an_epoch_of_its_own(
    store: MemorySnapshots,
) -> None:
    one, other = Member(store, "w-1"), Member(store, "w-2")
    Member(store, "w-0").take(0).learn(*shop(20)).write()
    taken = one.restorer.take(0)[0]
    other.take(0)
    with pytest.raises(SnapshotError, match="at the same time"):
        one.checkpointer.claim([taken], one.clock.now_ms())
    one.take(0)
    assert one.partitions[0].epoch == 3
    with pytest.raises(OwnershipLost):
        other.write()


def test_ours_go_by_their_numbers_when_the_clock_was_set_back(store: MemorySnapshots) -> None:
    member = Member(store).take(0).learn(*shop(20)).write()
    member.clock.leap(-3600.0)
    member.learn(*shop(5, 4)).write()
    again = Member(store).take(0)
    assert_same_state(learned_state(again.recommender), learned_state(member.recommender))
