"""What belongs to a partition moves on together: position, revision, who is out of date."""

from collections import Counter

import numpy as np

from models.batch import Interactions
from models.foresight import Trainings
from models.learned import Learned
from models.learning import Served, Surprises
from models.recommender import Recommender, RecommenderOptions
from tests.support.records import NOW_MS, records
from worker.partition import OwnedPartition, new_partition
from worker.settings import CleanSettings
from worker.steps.clean import Cleaner
from worker.steps.columns import Cleaned


def make_partition(max_users: int = 40) -> tuple[Recommender, OwnedPartition]:
    recommender = Recommender(RecommenderOptions(max_items=50, max_users=max_users))
    return recommender, new_partition(3, recommender, Cleaner(CleanSettings()))


def cleaned(users: list[str], times_ms: list[int]) -> Cleaned:
    batch = Interactions.of(users, ["i1"] * len(users), times_ms)
    return Cleaned(
        batch,
        np.zeros(len(users), np.int16),
        np.arange(len(users)),
        np.array(times_ms, np.int64),
        ["view"],
        [],
        Counter(),
    )


def learn(recommender: Recommender, partition: OwnedPartition, users: list[str], times_ms: list[int]) -> None:
    events = cleaned(users, times_ms)
    partition.note(events, recommender.learn(partition.shard, events.batch), NOW_MS)


def since_ms(partition: OwnedPartition, user: str) -> int:
    return int(partition.dirty.since_ms[partition.shard.users.row(user)])


def test_a_new_partition_starts_at_the_first_epoch() -> None:
    _, partition = make_partition()
    assert (partition.epoch, partition.next_offset, len(partition.dirty)) == (1, 0, 0)


def test_the_position_follows_the_last_record_and_its_revision_starts_over() -> None:
    _, partition = make_partition()
    partition.epoch, partition.revision = 2, 7
    partition.advance(records([b"{}"], first_offset=41, timestamp=900)[-1])
    assert partition.position == "00000002-000000000000042-000000"
    assert partition.newest_record_ms == 900


def test_users_of_a_batch_are_out_of_date_since_their_first_record() -> None:
    recommender, partition = make_partition()
    learn(recommender, partition, ["ann", "ben", "ann"], [100, 200, 300])
    assert (since_ms(partition, "ann"), since_ms(partition, "ben")) == (100, 200)


def test_a_record_without_a_time_counts_from_now() -> None:
    recommender, partition = make_partition()
    learn(recommender, partition, ["ann"], [-1])
    assert since_ms(partition, "ann") == NOW_MS


def test_users_who_made_room_are_no_longer_waiting() -> None:
    recommender, partition = make_partition(max_users=192)  # of which three make room at once
    users = [f"u{number}" for number in range(193)]
    learn(recommender, partition, users[:192], [100] * 192)
    learn(recommender, partition, users[192:], [200])
    waiting = {partition.shard.users.id_of(int(row)) for row in np.flatnonzero(partition.dirty.since_ms)}
    assert waiting == set(users[3:])


def test_an_event_that_teaches_nothing_of_its_user_marks_nobody() -> None:
    _, partition = make_partition()
    nobody = Learned(np.array([-1], np.int32), Served.empty(1), Surprises.empty(1), 0, Trainings(), [])
    partition.note(cleaned(["ann"], [100]), nobody, NOW_MS)
    assert len(partition.dirty) == 0


def test_only_lists_that_show_a_lost_item_become_wrong() -> None:
    recommender, partition = make_partition()
    learn(recommender, partition, ["ann", "ben", "cem"], [100, 100, 100])
    users = np.array([partition.shard.users.row(user) for user in ("ann", "ben", "cem")], np.int32)
    explored = np.array([0, 77, 0], np.uint64)
    partition.shard.set_published(users, np.array([[4, 5], [6, 7], [8, -1]], np.int32), explored)
    partition.dirty.refreshed(users, 0.0)
    partition.mark_lists_with(np.array([5, 8], np.int32), np.array([78], np.uint64), NOW_MS)
    assert [since_ms(partition, user) for user in ("ann", "ben", "cem")] == [NOW_MS, 0, NOW_MS]
    partition.mark_lists_with(np.zeros(0, np.int32), np.array([77], np.uint64), NOW_MS + 1)
    assert [since_ms(partition, user) for user in ("ann", "ben", "cem")] == [NOW_MS, NOW_MS + 1, NOW_MS]
