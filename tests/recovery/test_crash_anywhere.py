"""Dies anywhere, goes on: the same state in the end as if nothing had happened. One partition, in memory."""

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from typing_extensions import override

from tests.support.records import NOW_MS, line
from tests.support.rig import Crash, Rig, assert_same_state, learned_state, rankings, room_for
from worker.adapters.file_snapshots import FileSnapshots
from worker.adapters.memory import MemoryDeadLetters, MemorySnapshots
from worker.adapters.memory_source import MemoryEventSource
from worker.ports import ManifestName, SnapshotStore

EVENTS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 20)), min_size=20, max_size=90)


class Mortal:
    """Counts the steps of a worker's life and ends it at a given one."""

    def __init__(self) -> None:
        self.steps_left = -1

    def step(self) -> None:
        """Something is about to happen, or just did."""
        self.steps_left -= 1
        if self.steps_left == 0:
            raise Crash


class MortalSource(MemoryEventSource):
    """A worker may die before and after a commit (between C3 and C4, C4 and C5)."""

    def __init__(self, mortal: Mortal) -> None:
        super().__init__()
        self._mortal = mortal

    @override
    def commit(self, next_offsets: Any) -> None:
        self._mortal.step()
        super().commit(next_offsets)
        self._mortal.step()


class MortalLetters(MemoryDeadLetters):
    """A worker may die in C1."""

    def __init__(self, mortal: Mortal) -> None:
        super().__init__()
        self._mortal = mortal

    @override
    def flush(self, timeout_seconds: float) -> None:
        self._mortal.step()


class MortalSnapshots(SnapshotStore):
    """A worker may die before and after each blob (C2), manifest (C3) and removal (C5)."""

    def __init__(self, store: SnapshotStore, mortal: Mortal) -> None:
        self._store = store
        self._mortal = mortal

    @override
    def write_blob(self, content: bytes) -> str:
        self._mortal.step()
        return self._store.write_blob(content)

    @override
    def create_manifest(self, name: ManifestName, content: bytes) -> None:
        self._mortal.step()
        self._store.create_manifest(name, content)
        self._mortal.step()

    @override
    def drop(self, manifests: Sequence[ManifestName], blobs: Sequence[str]) -> None:
        self._mortal.step()
        self._store.drop(manifests, blobs)
        self._mortal.step()

    @override
    def read_blob(self, name: str) -> bytes:
        return self._store.read_blob(name)

    @override
    def read_manifest(self, name: ManifestName) -> bytes:
        return self._store.read_manifest(name)

    @override
    def manifests(self) -> list[ManifestName]:
        return self._store.manifests()

    @override
    def blobs(self) -> list[str]:
        return self._store.blobs()


def overrides(batch: int, **others: Any) -> dict[str, Any]:
    """Little memory, so that users and items are forgotten and come back; a snapshot every few rounds."""
    return {
        "kafka__max_poll_records": batch,
        **room_for(items=16, users=8),
        "snapshots__interval_seconds": 0.15,
        "clean__dedupe_window_events": 40,
        "run__drain_seconds": 60.0,
    } | others


def fed(source: MemoryEventSource, events: Sequence[tuple[int, int]]) -> None:
    """With duplicates and what is no event among them. The last record holds an event of every user.

    So each user's last list is made of all events, whatever the batches were.
    """
    times_ms = count(NOW_MS)
    for number, (user, item) in enumerate(events):
        value = line(f"u{user}", f"i{item}", ts=next(times_ms))
        for _ in range(2 if number % 7 == 0 else 1):
            source.append(value, b"k", 0, NOW_MS + number)
        if number % 11 == 0:
            source.append(b"{", b"k", 0, NOW_MS + number)
    last = [line(f"u{user}", "i0", ts=next(times_ms)) for user in sorted({user for user, _ in events})]
    source.append(b"\n".join(last), b"k", 0, NOW_MS + len(events))


def uninterrupted(events: Sequence[tuple[int, int]]) -> Rig:
    """One life, in one batch size, with one snapshot at the end."""
    rig = Rig(overrides(1000, snapshots__interval_seconds=3600.0))
    fed(rig.source, events)
    return rig.run()


def lives(events: Sequence[tuple[int, int]], batch: int, deaths: Sequence[int], store: SnapshotStore) -> list[Rig]:
    """Several lives, each but the last one ended after so many steps."""
    mortal = Mortal()
    source, letters = MortalSource(mortal), MortalLetters(mortal)
    fed(source, events)
    led = [Rig(overrides(batch), source=source, dead_letters=letters, snapshots=MortalSnapshots(store, mortal))]
    for steps in (*deaths, -1):
        mortal.steps_left = steps
        try:
            led[-1].run(lambda _: mortal.step())
        except Crash:
            led.append(led[-1].again())
        else:
            break
    return led


def assert_nothing_happened(last: Rig, expected: Rig) -> None:
    assert last.source.committed == expected.source.committed
    for rig in (last, expected):
        found = rankings(rig.recommender)
        assert {user: rig.lists.lists[user].items for user in found} == found
    assert_same_state(learned_state(last.recommender), learned_state(expected.recommender))


DEATHS = st.lists(st.integers(1, 40), min_size=1, max_size=4)


@settings(max_examples=40)
@given(events=EVENTS, batch=st.integers(1, 40), deaths=DEATHS)
@example(events=[(0, 0)] * 20, batch=1, deaths=[1, 1, 1, 1])
def test_the_state_is_that_of_an_uninterrupted_run(
    events: list[tuple[int, int]], batch: int, deaths: list[int]
) -> None:
    assert_nothing_happened(lives(events, batch, deaths, MemorySnapshots())[-1], uninterrupted(events))


def shop(events: int) -> list[tuple[int, int]]:
    return [(number * 7 % 13, number * 5 % 21) for number in range(events)]


@pytest.mark.parametrize("deaths", [[9, 14, 19], [25, 3, 30], [2, 2, 33]])
def test_the_same_holds_for_snapshots_in_files(tmp_path: Path, deaths: list[int]) -> None:
    assert_nothing_happened(lives(shop(40), 4, deaths, FileSnapshots(tmp_path))[-1], uninterrupted(shop(40)))


def test_every_step_of_a_life_can_be_the_last_one() -> None:
    events = shop(30)
    expected = uninterrupted(events)
    for step in range(1, 200):
        led = lives(events, 10, [step], MemorySnapshots())
        assert_nothing_happened(led[-1], expected)
        if len(led) == 1:  # it ended before it could die
            break
    assert step > 40, "deaths in all steps of several checkpoints were tried"
