"""A worker's state and its snapshots, without a loop around them."""

from typing import Any

import numpy as np

from models.recommender import Recommender
from tests.support.records import NOW_MS, line, records
from tests.support.rig import rig_settings
from worker.adapters.memory import Immediate, ManualClock
from worker.assembly import recommender_options
from worker.checkpoint import Checkpointer, Written
from worker.manifest import Manifest, read_manifests
from worker.manifest_log import ManifestLog
from worker.partition import OwnedPartition
from worker.ports import SnapshotStore
from worker.restore import Restorer
from worker.steps.decode import Decoder


class Member:
    """Takes partitions over, learns and writes, step by step."""

    def __init__(self, store: SnapshotStore, instance: str = "w-0", keep: int = 3, **settings: Any) -> None:
        self.settings = rig_settings(**settings)
        self.store = store
        self.clock = ManualClock(NOW_MS)
        self.recommender = Recommender(recommender_options(self.settings))
        self.log = ManifestLog(store, instance)
        self.restorer = Restorer(store, self.recommender, self.settings.clean, self.log)
        self.checkpointer = Checkpointer(store, self.recommender, self.log, Immediate(), keep)
        self.restored = self.restorer.restore_knowledge()
        self.partitions: dict[int, OwnedPartition] = {}

    def take(self, *numbers: int) -> "Member":
        """Seals the logs of those who had the partitions, takes them over and claims them."""
        self.log.seal(numbers, self.clock.now_ms())
        taken = [self.restorer.take(number)[0] for number in numbers]
        self.checkpointer.claim(taken, self.clock.now_ms())
        self.partitions |= {each.number: each for each in taken}
        return self

    def learn(self, *pairs: str, partition: int = 0) -> "Member":
        """`ann:tea` = ann views tea."""
        owned = self.partitions[partition]
        events = [pair.split(":") for pair in pairs]
        first = owned.next_offset
        values = [line(user, item, ts=NOW_MS + first + place) for place, (user, item) in enumerate(events)]
        batch = records(values, first, NOW_MS + first)
        cleaned = owned.cleaner.clean(Decoder(self.settings.events).decode(partition, batch))
        owned.note(cleaned, self.recommender.learn(owned.shard, cleaned.batch), NOW_MS)
        owned.advance(batch[-1])
        return self

    def write(self, *releasing: int, drop: bool = True) -> "Member":
        """A checkpoint, which may release partitions."""
        self.checkpoint(*releasing)
        for number in releasing:
            self.recommender.drop_shard(self.partitions.pop(number).shard)
        if drop:
            self.checkpointer.drop_old(self.clock)
        return self

    def checkpoint(self, *releasing: int) -> Written:
        """C1 to C3."""
        cut = self.checkpointer.begin(list(self.partitions.values()))
        return self.checkpointer.finish(cut, self.clock.now_ms(), releasing)

    def manifest(self) -> Manifest:
        """Our newest one."""
        return manifests_of(self.store, self.log.instance)[-1]


def manifests_of(store: SnapshotStore, instance: str = "w-0") -> list[Manifest]:
    """All manifests of a worker that are not damaged."""
    return [manifest for name, manifest in read_manifests(store) if name.instance == instance]


def shop(events: int = 60, seed: int = 3) -> list[str]:
    """Views of a small shop."""
    random = np.random.default_rng(seed)
    return [f"u{random.integers(9)}:i{random.integers(12)}" for _ in range(events)]
