"""Snapshots: one consistent cut, found again whatever happened to the newest one."""

from pathlib import Path

import msgspec
import pytest

from tests.support.member import Member, manifests_of, shop
from tests.support.records import NOW_MS
from tests.support.rig import assert_same_state, learned_state, rankings, room_for
from worker.adapters.file_snapshots import FileSnapshots
from worker.adapters.memory import ManualClock, MemorySnapshots
from worker.errors import OwnershipLost, SnapshotError
from worker.manifest import FORMAT, Manifest, PartitionEntry
from worker.ports import ManifestName, SnapshotStore
from worker.retention import ABANDONED_SECONDS


def named(store: SnapshotStore) -> set[str]:
    instances = {name.instance for name in store.manifests()}
    return set().union(*(manifest.blobs() for each in instances for manifest in manifests_of(store, each)))


@pytest.fixture
def store() -> MemorySnapshots:
    return MemorySnapshots()


@pytest.mark.parametrize("kind", ["memory", "files"])
def test_a_restored_worker_ranks_and_learns_as_if_nothing_had_happened(kind: str, tmp_path: Path) -> None:
    store: SnapshotStore = MemorySnapshots() if kind == "memory" else FileSnapshots(tmp_path)
    before = Member(store).take(0).learn(*shop()).write()
    after = Member(store)
    assert after.restored
    after.take(0)
    assert after.partitions[0].next_offset == before.partitions[0].next_offset == 60
    assert rankings(after.recommender) == rankings(before.recommender)
    for member in (before, after):
        member.learn(*shop(seed=4))
    assert rankings(after.recommender) == rankings(before.recommender)
    assert_same_state(learned_state(after.recommender), learned_state(before.recommender))


def test_a_restored_worker_knows_what_it_has_seen_and_who_waits(store: MemorySnapshots) -> None:
    before = Member(store).take(0).learn("ann:tea", "ben:milk").write()
    after = Member(store).take(0)
    assert after.partitions[0].dirty.state()["since_ms"].tolist() == [NOW_MS, NOW_MS]
    for member in (before, after):
        member.partitions[0].next_offset = 0
        member.learn("ann:tea")
        assert member.recommender.events == 2, "the second one is a duplicate"


def test_with_no_snapshot_nothing_is_restored(store: MemorySnapshots) -> None:
    member = Member(store)
    assert not member.restored
    owned, known = member.restorer.take(0)
    assert (owned.epoch, owned.next_offset, known) == (1, 0, False)


def test_the_last_n_snapshots_are_kept_with_all_that_they_name(store: MemorySnapshots) -> None:
    member = Member(store, keep=2).take(0)
    for number in range(5):
        member.learn(*shop(20, number)).write()
    assert [name.sequence for name in store.manifests()] == [5, 6]
    assert set(store.blobs()) == named(store)
    Member(store).take(0)


def test_a_crash_after_the_claim_restores_the_same_cut(store: MemorySnapshots) -> None:
    before = Member(store).take(0).learn(*shop()).write()
    for epoch in (2, 3):
        after = Member(store).take(0)
        assert (after.partitions[0].epoch, after.partitions[0].next_offset) == (epoch, 60)
        assert_same_state(learned_state(after.recommender), learned_state(before.recommender))


def test_a_crash_after_the_very_first_claim_starts_over_under_a_higher_epoch(store: MemorySnapshots) -> None:
    Member(store).take(0, 1)
    after = Member(store)
    assert not after.restored
    after.take(0)
    assert (after.partitions[0].epoch, after.partitions[0].next_offset) == (2, 0)
    after.learn("ann:tea").write()
    assert after.manifest().released == {1: PartitionEntry(1, 0, "")}


def damage(store: MemorySnapshots, blob: str) -> None:
    store.drop([], [blob])


@pytest.mark.parametrize("which", ["knowledge", "partition"])
def test_when_a_blob_of_the_newest_snapshot_is_damaged_the_one_before_is_used(
    store: MemorySnapshots, which: str
) -> None:
    member = Member(store).take(0).learn(*shop(30)).write()
    expected = learned_state(member.recommender)
    member.learn(*shop(30, seed=4)).write()
    newest = member.manifest()
    damage(store, newest.knowledge if which == "knowledge" else newest.partitions[0].blob)
    after = Member(store).take(0)
    assert (after.partitions[0].next_offset, after.partitions[0].epoch) == (30, 2)
    assert_same_state(learned_state(after.recommender), expected)


def test_knowledge_and_users_come_from_one_cut_even_when_a_newer_epoch_is_damaged(store: MemorySnapshots) -> None:
    member = Member(store).take(0).learn(*shop(30)).write()
    expected = learned_state(member.recommender)
    later = Member(store).take(0).learn(*shop(30, seed=4)).write()
    damage(store, later.manifest().knowledge)
    after = Member(store).take(0)
    assert (after.partitions[0].next_offset, after.partitions[0].epoch) == (30, 3)
    assert_same_state(learned_state(after.recommender), expected)


def test_when_no_snapshot_is_whole_the_start_fails_and_says_so(store: MemorySnapshots) -> None:
    member = Member(store).take(0).learn(*shop(30)).write()
    damage(store, member.manifest().knowledge)
    with pytest.raises(SnapshotError, match="none of them is whole") as caught:
        Member(store)
    assert "empty it" in caught.value.remedy


def alter(store: MemorySnapshots, name: ManifestName, content: bytes) -> None:
    store._manifests[name] = content


@pytest.mark.parametrize("content", [b"", b"{}", b'{"format": %d}' % FORMAT, b'{"format": "x"}', b"\xff"])
def test_a_damaged_manifest_is_passed_over(store: MemorySnapshots, content: bytes) -> None:
    member = Member(store).take(0).learn(*shop(30)).write().learn(*shop(30, 4)).write()
    alter(store, store.manifests()[-1], content)
    after = Member(store).take(0)
    assert after.partitions[0].next_offset == 30
    assert after.manifest().partitions[0].epoch == 2
    after.write()
    assert member.checkpointer is not after.checkpointer


def test_when_every_manifest_is_damaged_nothing_is_silently_forgotten(store: MemorySnapshots) -> None:
    Member(store).take(0)
    alter(store, store.manifests()[0], b"{")
    with pytest.raises(SnapshotError, match="none of them is whole"):
        Member(store)


def test_a_snapshot_of_another_format_stops_the_start_with_a_remedy(store: MemorySnapshots) -> None:
    Member(store).take(0).learn(*shop(30)).write()
    alter(store, store.manifests()[-1], b'{"format": 1, "what": "ever"}')
    with pytest.raises(SnapshotError, match=f"manifest 2 of w-0 has format 1, this version reads {FORMAT}") as caught:
        Member(store)
    assert "version" in caught.value.remedy


def test_a_snapshot_that_is_too_large_for_the_settings_says_which(store: MemorySnapshots) -> None:
    Member(store).take(0).learn(*shop(60)).write()
    with pytest.raises(SnapshotError, match=r"snapshot 2 of w-0 cannot be used") as caught:
        Member(store, **room_for(items=5, users=40))
    assert "memory.items_bytes" in caught.value.remedy
    with pytest.raises(SnapshotError, match="partition 0 cannot be used"):
        Member(store, **room_for(items=50, users=5)).take(0)


def test_somebody_who_took_our_name_is_noticed(store: MemorySnapshots) -> None:
    first = Member(store).take(0).learn("ann:tea")
    Member(store).take(0)
    with pytest.raises(OwnershipLost):
        first.write()


def test_a_partition_of_a_dead_worker_is_taken_over_under_a_higher_epoch(store: MemorySnapshots) -> None:
    dead = Member(store, "w-0").take(0, 1).learn(*shop(30)).learn(*shop(30, 4), partition=1).write()
    heir = Member(store, "w-1").take(1)
    assert (heir.partitions[1].epoch, heir.partitions[1].next_offset) == (2, 30)
    assert heir.restored, "what was learned of items is taken over too"
    assert rankings(heir.recommender) == rankings(dead.recommender, partition=1)
    heir.write()
    assert Member(store, "w-0").take(1).partitions[1].epoch == 3


def test_of_the_snapshots_of_a_foreign_partition_one_that_is_whole_is_taken(store: MemorySnapshots) -> None:
    member = Member(store, "w-0").take(0).learn(*shop(30)).write().learn(*shop(30, 4)).write()
    heir = Member(store, "w-1")
    damage(store, member.manifest().partitions[0].blob)
    assert heir.take(0).partitions[0].next_offset == 30


def test_a_foreign_partition_of_which_nothing_is_whole_stops_the_worker(store: MemorySnapshots) -> None:
    member = Member(store, "w-0").take(0).learn(*shop(30)).write(drop=False)
    heir = Member(store, "w-1")
    store.drop([store.manifests()[0]], [member.manifest().partitions[0].blob])
    with pytest.raises(SnapshotError, match="no snapshot of partition 0 can be read"):
        heir.take(0)


def test_a_claim_names_the_knowledge_that_it_goes_on_from(store: MemorySnapshots) -> None:
    dead = Member(store, "w-0").take(0).learn(*shop(30)).write()
    named_by_the_dead = dead.manifest().blobs()
    heir = Member(store, "w-1").take(0)
    assert heir.manifest().blobs() == named_by_the_dead
    again = Member(store, "w-1").take(0)
    assert_same_state(learned_state(again.recommender), learned_state(dead.recommender))


def test_a_claim_leaves_the_positions_of_other_partitions_alone(store: MemorySnapshots) -> None:
    member = Member(store).take(0).learn(*shop(30)).write().learn(*shop(5, 4))
    member.take(1)
    entries = member.manifest().partitions
    assert (entries[0].next_offset, entries[1].next_offset) == (30, 0)


def test_a_newcomer_takes_what_was_released_after_it_had_started(store: MemorySnapshots) -> None:
    giver = Member(store, "w-0").take(0, 1).learn(*shop(10), partition=1).write()
    newcomer = Member(store, "w-1")
    giver.learn(*shop(10, 4), partition=1).write(1)
    assert newcomer.take(1).partitions[1].next_offset == 20


def test_a_released_partition_stays_in_our_snapshots_until_somebody_has_it(store: MemorySnapshots) -> None:
    giver = Member(store, "w-0", keep=1).take(0, 1).learn(*shop(30), partition=1).write(1)
    for number in range(3):
        giver.learn(*shop(5, number)).write()
    assert giver.manifest().released[1].next_offset == 30
    taker = Member(store, "w-1").take(1)
    assert taker.partitions[1].next_offset == 30
    taker.learn(*shop(5), partition=1).write()
    giver.write().write()
    assert giver.manifest().released == {}
    assert set(store.blobs()) == named(store)


def test_a_partition_whose_release_failed_is_not_forgotten(store: MemorySnapshots) -> None:
    member = Member(store, "w-0", keep=1).take(0, 1).learn(*shop(30), partition=1).write()
    del member.partitions[1]
    for number in range(3):
        member.learn(*shop(5, number)).write()
    assert member.manifest().released[1].next_offset == 30


def test_a_partition_that_was_taken_but_not_claimed_is_not_forgotten(store: MemorySnapshots) -> None:
    Member(store).take(0, 1).learn(*shop(30), partition=1).write()
    after = Member(store, keep=1).take(0)
    after.restorer.take(1)
    after.learn(*shop(5)).write().write()
    assert after.manifest().released[1].next_offset == 30


def test_a_partition_that_comes_back_goes_on_from_where_the_other_left_it(store: MemorySnapshots) -> None:
    one, two = Member(store, "w-0").take(0, 1), Member(store, "w-1")
    one.learn(*shop(10)).learn(*shop(10), partition=1).write(1)
    two.take(1).learn(*shop(10, 4), partition=1).write(1)
    one.learn(*shop(7)).write().take(1)
    back = one.partitions[1]
    assert (back.epoch, back.next_offset) == (3, 20)
    assert one.manifest().partitions[0].next_offset == 17
    assert 1 not in one.manifest().released


def test_blobs_of_a_snapshot_that_was_never_finished_go_after_a_while(store: MemorySnapshots) -> None:
    orphan = store.write_blob(b"the worker died before it could name this")
    member = Member(store).take(0).learn(*shop(5)).write()
    member.clock.advance(ABANDONED_SECONDS)
    member.write()
    assert orphan in store.blobs(), "another worker might be about to name it"
    member.clock.advance(0.001)
    member.write()
    assert orphan not in store.blobs()
    assert set(store.blobs()) == named(store)


def test_a_blob_that_is_named_again_is_no_orphan(store: MemorySnapshots) -> None:
    blob = store.write_blob(b"x")
    member = Member(store).take(0).learn(*shop(5)).write()
    other = Manifest(FORMAT, blob, {9: PartitionEntry(1, 0, "")}, {}, NOW_MS)
    store.create_manifest(ManifestName("w-9", 1), msgspec.json.encode(other))
    member.clock.advance(10 * ABANDONED_SECONDS)
    member.write().write()
    assert blob in store.blobs()


def test_what_a_dead_worker_left_goes_once_others_have_all_its_partitions(store: MemorySnapshots) -> None:
    Member(store, "old").take(0, 1).learn(*shop(5)).write()
    heir = Member(store, "new").take(0).learn(*shop(5, 4)).write()
    heir.clock.advance(ABANDONED_SECONDS + 1)
    heir.write()
    assert manifests_of(store, "old"), "partition 1 is still nobody else's"
    heir.take(1).write()
    assert not manifests_of(store, "old")
    assert set(store.blobs()) == named(store)


def test_nothing_is_dropped_on_the_word_of_a_manifest_that_cannot_be_read(store: MemorySnapshots) -> None:
    class Unreadable(MemorySnapshots):
        def read_manifest(self, name: ManifestName) -> bytes:
            if name.instance == "w-1":
                raise SnapshotError("the disk is in trouble")
            return store.read_manifest(name)

    Member(store, "w-1").take(1).learn(*shop(5), partition=1).write()
    troubled = Unreadable()
    troubled._blobs, troubled._manifests = store._blobs, store._manifests
    member = Member(store).take(0).learn(*shop(5)).write(drop=False)
    member.checkpointer._retention._store = troubled
    blobs = store.blobs()
    with pytest.raises(SnapshotError, match="in trouble"):
        member.checkpointer.drop_old(ManualClock(NOW_MS + 10 * 1000 * int(ABANDONED_SECONDS)))
    assert store.blobs() == blobs


def test_a_checkpoint_says_what_it_wrote(store: MemorySnapshots) -> None:
    member = Member(store).take(0, 1).learn(*shop(5))
    written = member.checkpoint()
    assert written.next_offsets == {0: 5, 1: 0}
    assert written.size_bytes == sum(len(store.read_blob(blob)) for blob in store.blobs())
