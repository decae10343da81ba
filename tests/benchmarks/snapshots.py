"""How long a snapshot holds the line up: `python -m tests.benchmarks.snapshots [FOLDER]` prints one JSON object.

A worker's state of 200,000 users and 20,000 items in 8 partitions is copied (C1), written (C2) and named (C3) as
`worker/checkpoint.py` does it, into files in FOLDER or the system's folder for temporary ones, and restored from there.
Each figure is the best of five, and the first pause by itself, when the copies' memory is new to the process; between
two snapshots every partition learns, so that no blob is there already.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from models.batch import Interactions
from models.recommender import Recommender, RecommenderOptions
from models.warmup import warm_up
from worker.adapters.clock import SystemClock
from worker.adapters.file_snapshots import FileSnapshots
from worker.checkpoint import Checkpointer
from worker.manifest_log import ManifestLog
from worker.partition import OwnedPartition, new_partition
from worker.restore import Restorer
from worker.settings import CleanSettings
from worker.steps.clean import Cleaner

USERS, ITEMS, PARTITIONS = 200_000, 20_000, 8
EVENTS_PER_USER, BATCH_EVENTS = 10, 5000
TIMES = 5
OPTIONS = RecommenderOptions(max_items=25_000, max_users=30_000, ranker_share=1 / 64)


def stream(partition: int, events_per_user: int, begin_ms: int) -> Iterator[Interactions]:
    """Events of the partition's users; few items have most of them."""
    random = np.random.default_rng(partition)
    users = random.permutation(np.repeat(np.arange(USERS // PARTITIONS), events_per_user))
    items = (ITEMS * random.random(len(users)) ** 3).astype(np.int64)
    for start in range(0, len(users), BATCH_EVENTS):
        part = slice(start, start + BATCH_EVENTS)
        yield Interactions.of(
            [f"user-{partition}-{user}" for user in users[part]],
            [f"item-{item}" for item in items[part]],
            begin_ms + 1000 * np.arange(start, start + len(users[part])),
        )


def filled(recommender: Recommender) -> list[OwnedPartition]:
    """Partitions of users who have a history, and a list that stands published."""
    partitions = [new_partition(number, recommender, Cleaner(CleanSettings())) for number in range(PARTITIONS)]
    recommender.vocabulary.admit([f"item-{item}" for item in range(ITEMS)])
    random = np.random.default_rng(1)
    for each in partitions:
        for batch in stream(each.number, EVENTS_PER_USER, 0):
            recommender.learn(each.shard, batch)
        rows = each.shard.users.rows_in_use()
        each.shard.set_published(rows, random.integers(0, ITEMS, (len(rows), 20), np.int32))
    return partitions


def learn_more(recommender: Recommender, partitions: list[OwnedPartition], turn: int) -> None:
    """Changes every partition a little."""
    for each in partitions:
        recommender.learn(each.shard, next(stream(each.number, 1, turn * 10**9)))


def written(store: FileSnapshots, recommender: Recommender, partitions: list[OwnedPartition]) -> dict[str, float]:
    """The best times, and the size, of some snapshots."""
    with ThreadPoolExecutor(1) as background:
        checkpointer = Checkpointer(store, recommender, ManifestLog(store, "bench"), background, 1)
        copied, wrote, sizes = [], [], []
        for turn in range(1, TIMES + 1):
            learn_more(recommender, partitions, turn)
            began = time.perf_counter()
            cut = checkpointer.begin(partitions)
            copied.append(time.perf_counter() - began)
            cut.blobs.result()
            sizes.append(checkpointer.finish(cut, turn).size_bytes)
            wrote.append(time.perf_counter() - began - copied[-1])
            checkpointer.drop_old(SystemClock())
        held_up = longest_wait(recommender, partitions, checkpointer)
    times = {"pause_seconds": min(copied), "first_pause_seconds": copied[0], "write_seconds": min(wrote)}
    return times | {"held_up_seconds": held_up, "bytes": max(sizes)}


def longest_wait(recommender: Recommender, partitions: list[OwnedPartition], checkpointer: Checkpointer) -> float:
    """How long this thread waits at most for the interpreter while a snapshot is written beside it."""
    learn_more(recommender, partitions, TIMES + 1)
    cut = checkpointer.begin(partitions)
    longest, before = 0.0, time.perf_counter()
    while not cut.blobs.done():
        now = time.perf_counter()
        longest, before = max(longest, now - before), now
    checkpointer.finish(cut, TIMES + 1)
    return longest


def restored(store: FileSnapshots) -> float:
    """The best time in which a new worker has all of it again, from files that were just read or written."""
    seconds = []
    for _ in range(TIMES):
        recommender = Recommender(OPTIONS)
        began = time.perf_counter()
        restorer = Restorer(store, recommender, CleanSettings(), ManifestLog(store, "bench"))
        restorer.restore_knowledge()
        owned = [restorer.take(number)[0] for number in range(PARTITIONS)]
        seconds.append(time.perf_counter() - began)
        assert sum(len(each.shard.users) for each in owned) == USERS
    return min(seconds)


def main(folder: str | None) -> None:
    """Measures and prints."""
    warm_up()
    recommender = Recommender(OPTIONS)
    partitions = filled(recommender)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        store = FileSnapshots(Path(place))
        figures = written(store, recommender, partitions) | {"restore_seconds": restored(store)}
    known = {"users": USERS, "items": len(recommender.vocabulary), "partitions": PARTITIONS}
    sys.stdout.write(json.dumps(known | {name: round(value, 3) for name, value in figures.items()}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
