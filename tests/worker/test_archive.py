"""Snapshots in people's hands: what there is, whether it is whole, what changed, going back, taking along."""

from pathlib import Path

import pytest

from tests.support.member import Member, manifests_of, shop
from tests.support.rig import assert_same_state, learned_state
from worker.adapters.file_snapshots import FileSnapshots
from worker.adapters.memory import MemorySnapshots
from worker.archive.difference import difference
from worker.archive.inventory import found, inventory
from worker.archive.moves import export, restore
from worker.archive.verification import verdicts
from worker.errors import ConfigurationError, OwnershipLost, SnapshotError
from worker.manifest import read_manifests

LATER_MS = 2_000_000_000_000


@pytest.fixture
def store() -> MemorySnapshots:
    return MemorySnapshots()


@pytest.fixture
def member(store: MemorySnapshots) -> Member:
    """Has written twice, after 30 events and after 60."""
    return Member(store, keep=9).take(0).learn(*shop(30)).write().learn(*shop(30, seed=4)).write()


def test_snapshots_are_listed_by_worker_with_their_positions(store: MemorySnapshots, member: Member) -> None:
    Member(store, "w-1").take(0)
    cuts = inventory(store)
    assert [each.name for each in cuts] == ["w-0/1", "w-0/2", "w-0/3", "w-0/4", "w-1/1"]
    assert [each.next_offsets for each in cuts] == [{0: 0}, {0: 30}, {0: 60}, {}, {0: 60}]
    assert [each.sealed_by for each in cuts] == ["", "", "", "w-1", ""]
    assert cuts[-1].epochs == {0: 2}


def test_a_snapshot_is_found_by_its_name_or_its_worker(store: MemorySnapshots, member: Member) -> None:
    Member(store, "w-1").take(0)
    assert found(store, "w-0/2")[0].sequence == found(store, "w-0/00000002")[0].sequence == 2
    assert found(store, "w-0")[0].sequence == 3, "a seal is no snapshot"
    for unknown in ("w-0/7", "w-2", "w-0/x", "w-0/4"):
        with pytest.raises(ConfigurationError, match=f"no snapshot {unknown}") as raised:
            found(store, unknown)
        assert "w-0/3, w-1/1" in raised.value.remedy


def test_a_damaged_blob_is_named_and_the_other_snapshots_are_whole(store: MemorySnapshots, member: Member) -> None:
    assert not any(each.faults for each in verdicts(store, read_manifests(store)))
    blob = member.manifest().partitions[0].blob
    store.drop([], [blob])
    *others, last = verdicts(store, read_manifests(store))
    assert not any(each.faults for each in others)
    assert (last.name, last.blobs) == ("w-0/3", 2)
    assert blob in last.faults[0]


def test_a_difference_counts_what_came_and_what_changed(store: MemorySnapshots, member: Member) -> None:
    (_, before), (_, after) = found(store, "w-0/2"), found(store, "w-0/3")
    between = difference(store, before, after)
    assert (between.before.events_learned, between.after.events_learned) == (30, 60)
    assert (between.before.next_offsets, between.after.next_offsets) == ({0: 30}, {0: 60})
    assert between.after.items == 12
    assert between.after.users == {0: 9}
    assert 0 < between.changed["ranker"] <= 1
    assert set(difference(store, after, after).changed.values()) == {0.0}


def test_after_going_back_the_events_since_then_are_learned_again(store: MemorySnapshots, member: Member) -> None:
    expected = learned_state(member.recommender)
    assert restore(store, *found(store, "w-0/2"), LATER_MS) == "w-0/4"
    back = Member(store).take(0)
    assert (back.partitions[0].next_offset, back.recommender.events) == (30, 30)
    assert back.partitions[0].epoch > member.partitions[0].epoch, "lists of before are replaced"
    back.learn(*shop(30, seed=4))
    assert_same_state(learned_state(back.recommender), expected)


def test_a_worker_that_runs_while_its_snapshot_is_restored_ends(store: MemorySnapshots, member: Member) -> None:
    restore(store, *found(store, "w-0/2"), LATER_MS)
    with pytest.raises(OwnershipLost):
        member.learn(*shop(5)).write()


def test_partitions_that_moved_on_come_back_and_their_later_owner_ends(store: MemorySnapshots, member: Member) -> None:
    other = Member(store, "w-1").take(0).learn(*shop(10, seed=5)).write()
    restore(store, *found(store, "w-0/2"), LATER_MS)
    with pytest.raises(OwnershipLost):
        other.learn(*shop(5)).write()
    assert Member(store, "w-2").take(0).partitions[0].next_offset == 30


def test_nobody_goes_back_to_a_damaged_snapshot(store: MemorySnapshots, member: Member) -> None:
    store.drop([], [member.manifest().knowledge])
    with pytest.raises(SnapshotError, match="w-0/3 is not whole"):
        restore(store, *found(store, "w-0/3"), LATER_MS)
    assert len(manifests_of(store)) == 3, "nothing was written"


def test_an_exported_snapshot_is_a_store_of_its_own(store: MemorySnapshots, member: Member, tmp_path: Path) -> None:
    expected = learned_state(member.recommender)
    export(store, *found(store, "w-0"), FileSnapshots(tmp_path / "taken"))
    elsewhere = Member(FileSnapshots(tmp_path / "taken")).take(0)
    assert_same_state(learned_state(elsewhere.recommender), expected)
    with pytest.raises(OwnershipLost):
        export(store, *found(store, "w-0"), FileSnapshots(tmp_path / "taken"))
