"""The loop on a snapshot store in the network, which does not answer now and then."""

import pytest
from typing_extensions import override

from tests.support.rig import Rig
from tests.support.stream import newest_offsets, shop
from worker.adapters.memory import MemorySnapshots
from worker.adapters.memory_source import MemoryEventSource
from worker.errors import OwnershipLost, ServiceUnavailable, SnapshotError
from worker.ports import ManifestName


class FarStore(MemorySnapshots):
    """Does not answer the next so many times that it is asked for a blob, a manifest, or what there is."""

    def __init__(self) -> None:
        super().__init__()
        self.unanswered = {"blob": 0, "manifest": 0, "list": 0}

    def ask(self, what: str) -> None:
        if self.unanswered[what] > 0:
            self.unanswered[what] -= 1
            raise ServiceUnavailable("the store does not answer")

    @override
    def read_blob(self, name: str) -> bytes:
        self.ask("blob")
        return super().read_blob(name)

    @override
    def read_manifest(self, name: ManifestName) -> bytes:
        self.ask("manifest")
        return super().read_manifest(name)

    @override
    def manifests(self) -> list[ManifestName]:
        self.ask("list")
        return super().manifests()


def stopped_with_two_partitions(store: FarStore) -> Rig:
    rig = Rig(source=MemoryEventSource(partitions=2), snapshots=store)
    shop(rig.source, 20)
    shop(rig.source, 30, partition=1)
    return rig.run()


@pytest.mark.parametrize("what", ["blob", "manifest", "list"])
def test_what_cannot_be_read_when_partitions_come_is_asked_for_again_and_not_taken_for_missing(what: str) -> None:
    store = FarStore()
    rig = stopped_with_two_partitions(store)
    after = rig.again()
    after.source.assign(1)
    shop(after.source, 5)
    shop(after.source, 5, partition=1)
    seen: list[str | None] = []

    def at_round(number: int) -> None:
        if number == 1:
            after.source.revoke(0)
            after.source.revoke(1)
        if number == 3:
            after.source.assign(0)
            after.source.assign(1)
            store.unanswered[what] = 2
        if number == 80:
            after.worker.stop()
        seen.append(after.worker.why_not_ready())

    after.watcher.at_round = at_round
    after.worker.run()
    assert store.unanswered[what] == 0
    assert any("does not answer" in each for each in seen if each)
    assert after.watcher.owned_partitions[-1] == [0, 1]
    assert after.watcher.events == 10
    assert newest_offsets(after) == {0: 25, 1: 35}


def test_a_store_that_does_not_answer_at_the_start_ends_the_worker_before_it_forgets_anything() -> None:
    store = FarStore()
    rig = stopped_with_two_partitions(store)
    after = rig.again()
    store.unanswered["manifest"] = 1
    with pytest.raises(ServiceUnavailable):
        after.run()
    assert newest_offsets(rig) == {0: 20, 1: 30}


class LostAnswer(MemorySnapshots):
    """Writes the third manifest, says that it could not, and may not tell at once what stands there."""

    def __init__(self, *, tells: bool) -> None:
        super().__init__()
        self.created = 0
        self._tells = tells
        self._is_asked = False

    @override
    def create_manifest(self, name: ManifestName, content: bytes) -> None:
        super().create_manifest(name, content)
        self.created += 1
        if self.created == 3:
            self._is_asked = True
            raise SnapshotError("no answer")

    @override
    def read_manifest(self, name: ManifestName) -> bytes:
        is_asked, self._is_asked = self._is_asked, False
        if is_asked and not self._tells:
            raise ServiceUnavailable("no answer either")
        return super().read_manifest(name)


def test_a_manifest_that_stands_though_the_answer_was_lost_is_gone_on_from() -> None:
    rig = Rig({"snapshots__interval_seconds": 0.5}, snapshots=LostAnswer(tells=True))

    def at_round(number: int) -> None:
        if number <= 40:
            shop(rig.source, 1)

    rig.run(at_round)
    assert rig.watcher.failures == []
    assert newest_offsets(rig) == rig.source.committed == {0: 40}


def test_a_manifest_that_turns_out_to_stand_ends_the_worker_and_its_restart_goes_on_from_it() -> None:
    rig = Rig({"snapshots__interval_seconds": 0.5}, snapshots=LostAnswer(tells=False))

    def at_round(number: int) -> None:
        if number <= 40:
            shop(rig.source, 1)

    with pytest.raises(OwnershipLost):
        rig.run(at_round)
    assert rig.watcher.failures == ["no answer"]
    stood = newest_offsets(rig)[0]
    assert stood > rig.source.committed[0], "the cut of which the worker did not know"
    after = rig.again().run()
    assert after.watcher.events == rig.source.committed[0] - stood
    assert stood + after.watcher.events == newest_offsets(after)[0]


def test_a_store_that_does_not_answer_when_old_snapshots_are_dropped_keeps_the_new_one() -> None:
    store = FarStore()
    rig = Rig({"snapshots__interval_seconds": 0.2}, snapshots=store)

    def at_round(number: int) -> None:
        shop(rig.source, 1)
        if number == 5:
            store.unanswered["manifest"] = 3
        if number == 60:
            rig.worker.stop()

    rig.watcher.at_round = at_round
    rig.worker.run()
    assert store.unanswered["manifest"] == 0
    assert rig.watcher.failures == []
    assert newest_offsets(rig) == rig.source.committed == {0: rig.watcher.events}
