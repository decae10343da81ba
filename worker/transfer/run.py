"""One transfer: a snapshot of the old domain and both catalogues become a snapshot from which the new one begins."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.recommender import Recommender, RecommenderOptions
from models.shard import ProfileShard
from models.transfer import Likeness, begin_knowledge, begin_users
from producers.keys import place_of
from worker.assembly import recommender_options
from worker.checkpoint import Checkpointer
from worker.errors import ConfigurationError, SnapshotError
from worker.events import Item
from worker.manifest import read_manifests
from worker.manifest_log import ManifestLog
from worker.partition import OwnedPartition
from worker.ports import SnapshotStore
from worker.restore import Restorer
from worker.settings import CleanSettings, Settings
from worker.snapshot_stores import open_snapshots
from worker.steps.clean import Cleaner
from worker.transfer.likeness import likeness_of

INSTANCE = "transfer"  # whose log the new snapshot is; any worker goes on from it
FIRST_EPOCH, FIRST_OFFSET = 1, 0


@dataclass(frozen=True, slots=True)
class Old:
    """The old domain: what was learned of its items, and of the users of its partitions."""

    recommender: Recommender
    shards: Sequence[ProfileShard]


@dataclass(frozen=True, slots=True)
class New:
    """The new domain as it begins, a shard a partition, and how many items and users got something from the old one."""

    recommender: Recommender
    shards: Sequence[ProfileShard]
    items: int
    users: int


def store_at(place: str, settings: Settings) -> SnapshotStore:
    """Another folder, or URL, than that of the settings. Raises ConfigurationError."""
    named = {"url": place} if "://" in place else {"url": "", "directory": Path(place)}
    return open_snapshots(settings.snapshots.model_copy(update=named), settings.memory)


def read_old(store: SnapshotStore, settings: Settings, *, same_users: bool = True) -> Old:
    """The newest snapshot that is whole, with its users if they are those of the new domain.

    Raises SnapshotError where there is none, or it does not fit the settings.
    """
    recommender = Recommender(recommender_options(settings))
    restorer = Restorer(store, recommender, settings.clean, ManifestLog(store, INSTANCE))
    if not restorer.restore_knowledge():
        raise SnapshotError("there is no snapshot to begin from", "name the folder that snapshots.directory names")
    if not same_users:
        return Old(recommender, [])
    numbers = sorted({number for _, manifest in read_manifests(store) for number in manifest.entries()})
    return Old(recommender, [restorer.take(number)[0].shard for number in numbers])


def likeness_to(old: Old, old_items: Sequence[Item], new_items: Sequence[Item]) -> Likeness:
    """Of the new items to those old ones that were learned and that the old catalogue describes.

    Raises ConfigurationError where there are none of these.
    """
    row_of, events = old.recommender.vocabulary.row, old.recommender.knowledge.events
    rows = [row_of(item.item_id) for item in old_items]
    known = [place for place, row in enumerate(rows) if row >= 0 and events[row] > 0]
    if not known:
        raise ConfigurationError("the snapshot knows no item of the old catalogue", "give the catalogue of its items")
    return likeness_of(new_items, [old_items[place] for place in known], np.array(rows, np.int32)[known])


def begin(old: Old, items: Sequence[Item], likeness: Likeness, options: RecommenderOptions, partitions: int) -> New:
    """The new domain, its users in as many partitions as its topic has; those who came last are first to get room."""
    recommender = Recommender(options)
    described = begin_knowledge(old.recommender, recommender, [item.item_id for item in items], likeness)
    shards = [recommender.new_shard() for _ in range(partitions)]
    users = 0
    for shard in old.shards:
        ids = _last_first(shard)
        places = [place_of(user, partitions) for user in ids]
        for number, new in enumerate(shards):
            users += begin_users(shard, new, [user for user, place in zip(ids, places, strict=True) if place == number])
    return New(recommender, shards, described, users)


def _last_first(shard: ProfileShard) -> list[str]:
    rows = shard.users.rows_in_use()
    order = np.argsort(-shard.profiles.last_event[rows], kind="stable")
    return shard.users.ids_of(rows[order].tolist())


def write_new(new: New, store: SnapshotStore, clean: CleanSettings, now_ms: int) -> int:
    """A snapshot that stands at the beginning of the topic; returns its bytes. Raises SnapshotError.

    Raises ConfigurationError where there are snapshots already.
    """
    if store.manifests():
        raise ConfigurationError("the new folder holds snapshots already", "name an empty one with --out")
    partitions = [
        OwnedPartition(number, FIRST_EPOCH, FIRST_OFFSET, shard, Cleaner(clean))
        for number, shard in enumerate(new.shards)
    ]
    checkpointer = Checkpointer(
        store, new.recommender, ManifestLog(store, INSTANCE), ThreadPoolExecutor(1, "snapshot"), keep=1
    )
    try:
        return checkpointer.finish(checkpointer.begin(partitions), now_ms).size_bytes
    finally:
        checkpointer.close()
