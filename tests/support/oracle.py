"""The oracle: what users' state must be, recomputed from the log, and what stands in the snapshots and in Redis."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from kafka import KafkaConsumer, TopicPartition

from models.recommender import Recommender
from models.shard import ProfileShard
from tests.support.rig import rankings
from tests.support.snapshots import Loaded
from worker.adapters.redis_lists import RedisLists
from worker.assembly import recommender_options
from worker.ports import Record
from worker.settings import load
from worker.steps.clean import Cleaner
from worker.steps.decode import Decoder

Settings = Mapping[str, Any]
UserState = dict[str, Any]

BY_USER = ("gaps", "strengths", "last_ms", "events", "last_event")  # all that follows from the log alone
FAST = {"learning.ranker_share": 0.0001, "learning.ranker_warmup_events": 0}  # these do not touch users' state


@dataclass
class Verdict:
    """What a run lost or spoiled.

    Attributes:
        events: in the log.
        users: whose state was compared.
        lost_events, doubled_events: by user, learned less often or more often than they stand in the log.
        wrong_users: whose history differs, in items, order or times.
        wrong_item_events: difference in what is known of the items, summed; only where one worker learned all.
        missing_lists: users without a list.
        wrong_lists: users whose list is not what their worker's state ranks.
        stale_overwrites: lists that were written over newer ones.
        commits_ahead: times at which Kafka's committed offset was ahead of all snapshots.
    """

    events: int = 0
    users: int = 0
    lost_events: int = 0
    doubled_events: int = 0
    wrong_users: list[str] = field(default_factory=list)
    wrong_item_events: int = 0
    missing_lists: list[str] = field(default_factory=list)
    wrong_lists: list[str] = field(default_factory=list)
    stale_overwrites: int = 0
    commits_ahead: int = 0

    def faults(self) -> dict[str, Any]:
        """All that is not as it should be."""
        return {name: value for name, value in vars(self).items() if value and name not in ("events", "users")}


class Reference:
    """State of every user, recomputed from the log in one go, partition by partition."""

    def __init__(self, settings: Settings, partitions: Sequence[int]) -> None:
        loaded = load(overrides={**settings, **FAST}, environment={})
        self.recommender = Recommender(recommender_options(loaded))
        self.users: dict[str, UserState] = {}
        self.events = 0
        for number in partitions:
            shard, cleaner = self.recommender.new_shard(), Cleaner(loaded.clean)
            for records in _log(settings, number):
                cleaned = cleaner.clean(Decoder(loaded.events, loaded.learning.objective).decode(number, records))
                self.recommender.learn(shard, cleaned.batch)
                self.events += len(cleaned.batch)
            self.users |= users_state(self.recommender, shard)


def judge(settings: Settings, owners: Mapping[int, str], *, one_learned_all: bool) -> Verdict:
    """Compares snapshots and lists with the log, once all workers have ended; `owners` = instance by partition.

    What is known of items is each worker's own, and compared only where there was one.
    """
    reference = Reference(settings, sorted(owners))
    verdict = Verdict(events=reference.events, users=len(reference.users))
    found: dict[str, UserState] = {}
    ranked: dict[str, list[str]] = {}
    for instance in sorted(set(owners.values())):
        own = sorted(number for number, owner in owners.items() if owner == instance)
        state = Loaded(settings, instance)
        for place, number in enumerate(own):
            found |= users_state(state.recommender, state.take(number).shard)
            ranked |= rankings(state.recommender, place, size=_list_size(settings))
        if one_learned_all:
            verdict.wrong_item_events = _difference(item_events(state.recommender), item_events(reference.recommender))
    _compare_users(verdict, reference.users, found)
    _compare_lists(verdict, settings, ranked)
    return verdict


def users_state(recommender: Recommender, shard: ProfileShard) -> dict[str, UserState]:
    """By user: history, times, counts; items by id."""
    profiles = shard.profiles
    return {
        user: {name: np.asarray(getattr(profiles, name)[row]).tolist() for name in BY_USER}
        | {
            "items": [
                recommender.vocabulary.holder(item) if item >= 0 else None for item in profiles.items[row].tolist()
            ]
        }
        for user, row in shard.users.items()
    }


def item_events(recommender: Recommender) -> dict[str, int]:
    """How often each item occurred."""
    return {item: int(recommender.knowledge.events[row]) for item, row in recommender.vocabulary.items()}


def published(settings: Settings, users: Sequence[str]) -> dict[str, list[str]]:
    """The items of the lists that stand in Redis."""
    loaded = load(overrides=settings, environment={})
    lists = RedisLists(loaded.redis, loaded.lists)
    found = {user: lists.read(user) for user in users}
    lists.close()
    return {user: each.items for user, each in found.items() if each}


def _list_size(settings: Settings) -> int:
    return load(overrides=settings, environment={}).lists.size


def _compare_users(verdict: Verdict, expected: Mapping[str, UserState], found: Mapping[str, UserState]) -> None:
    for user in expected.keys() | found.keys():
        more = _events(found, user) - _events(expected, user)
        verdict.doubled_events += max(0, more)
        verdict.lost_events += max(0, -more)
    verdict.wrong_users = sorted(user for user in expected if found.get(user) != expected[user])


def _events(states: Mapping[str, UserState], user: str) -> int:
    return int(states[user]["events"]) if user in states else 0


def _compare_lists(verdict: Verdict, settings: Settings, ranked: Mapping[str, list[str]]) -> None:
    standing = published(settings, list(ranked))
    verdict.missing_lists = sorted(ranked.keys() - standing.keys())
    verdict.wrong_lists = sorted(user for user, items in standing.items() if items != ranked[user])


def _difference(one: Mapping[str, int], other: Mapping[str, int]) -> int:
    return sum(abs(one.get(item, 0) - other.get(item, 0)) for item in one.keys() | other.keys())


def _log(settings: Settings, partition: int) -> Iterator[Sequence[Record]]:
    """All records of a partition, in parts."""
    place = TopicPartition(settings["kafka.events_topic"], partition)
    servers = settings["kafka.bootstrap_servers"]
    with KafkaConsumer(bootstrap_servers=servers, auto_offset_reset="none", max_poll_records=5000) as consumer:
        consumer.assign([place])
        consumer.seek_to_beginning(place)
        end = consumer.end_offsets([place])[place]
        while consumer.position(place) < end:
            if records := consumer.poll(timeout_ms=200).get(place):
                yield records
