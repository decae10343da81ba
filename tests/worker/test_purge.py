"""While a user waits to be forgotten, older snapshots go, and none that somebody needs."""

import pytest

from tests.support.control import forget
from tests.support.member import Member, manifests_of, shop
from worker.adapters.memory import MemorySnapshots
from worker.retention import ABANDONED_SECONDS


@pytest.fixture
def store() -> MemorySnapshots:
    return MemorySnapshots()


def purged(member: Member) -> set[int]:
    """A checkpoint with a receipt due, and the purge after it: of which partitions nothing older is left."""
    written = member.checkpoint()
    return member.checkpointer.purge(member.clock, written.older)


def erasing(member: Member) -> Member:
    """Somebody asked to be forgotten in each of its partitions."""
    for partition in member.partitions.values():
        partition.erased.note(forget("u1", 1), 2)
    return member


def test_only_the_last_manifest_and_its_blobs_are_left(store: MemorySnapshots) -> None:
    member = erasing(Member(store).take(0).learn(*shop(20)).write().learn(*shop(9)).write().learn(*shop(5)))
    assert purged(member) == {0}
    (manifest,) = manifests_of(store)
    assert set(store.blobs()) == manifest.blobs()
    assert purged(member.learn(*shop(7))) == {0}, "while events flow too"


def test_a_worker_that_restarted_and_owns_nothing_drops_nothing(store: MemorySnapshots) -> None:
    Member(store, "w-0").take(0).learn(*shop(20)).write()
    taker = Member(store, "w-1")
    taker.log.seal([0], 0)  # and is still restoring
    before = set(store.blobs()), store.manifests()
    assert Member(store, "w-0").checkpointer.purge(taker.clock) == set()
    assert (set(store.blobs()), store.manifests()) == before
    assert taker.take(0).partitions[0].next_offset == 20


def test_a_worker_whose_log_was_sealed_purges_nothing_of_it(store: MemorySnapshots) -> None:
    member = Member(store, "w-0").take(0).learn(*shop(20)).write().learn(*shop(9)).write()
    taker = Member(store, "w-1")
    taker.log.seal([0], 0)
    assert member.checkpointer.purge(member.clock) == set()
    assert taker.take(0).partitions[0].next_offset == 29


def test_as_long_as_another_worker_has_an_older_snapshot_of_it_the_partition_is_not_clean(
    store: MemorySnapshots,
) -> None:
    giver = Member(store, "w-0").take(0, 1).learn(*shop(20)).write(0)
    taker = erasing(Member(store, "w-1").take(0).learn(*shop(5)))
    assert purged(taker) == set()
    giver.write()  # without what it released, once that was taken over
    giver.checkpointer.purge(giver.clock)
    assert purged(taker.learn(*shop(3))) == {0}
    assert giver.manifest().released == {}


def test_what_a_killed_worker_began_to_write_holds_receipts_up_until_it_is_dropped(store: MemorySnapshots) -> None:
    member = erasing(Member(store).take(0).learn(*shop(20)))
    orphan = store.write_blob(b"of a worker that is gone")
    assert purged(member) == set()
    assert orphan in store.blobs()
    member.clock.advance(ABANDONED_SECONDS + 1)
    purged(member.learn(*shop(3)))
    assert orphan not in store.blobs()
    assert purged(member.learn(*shop(4))) == {0}


def test_what_another_worker_is_writing_holds_nothing_up_that_began_later(store: MemorySnapshots) -> None:
    member = erasing(Member(store).take(0).learn(*shop(20)))
    written = member.checkpoint()
    store.write_blob(b"of a worker that will name it")
    assert member.checkpointer.purge(member.clock, written.older) == {0}
