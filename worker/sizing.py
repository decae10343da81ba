"""Sizing: how many workers so many users, items and events need, and what they take of memory, Redis and disk.

Tables follow from `budgets.py`; what surrounds them was measured on workers of four sizes (docs/memory.md).
"""

import math
from dataclasses import dataclass

import msgspec

from models.budget import ID_CHARACTERS, Cost, item_cost
from models.explaining import PARTS
from models.registry import ALL_EXPERTS
from models.vocabulary import FIRST_CAPACITY
from worker.budgets import chosen_experts, embedding_width, items_budget_bytes, user_cost, users_budget_bytes
from worker.errors import ConfigurationError
from worker.events import (
    Mover,
    Reason,
    RecentEvent,
    RecommendationList,
    SimilarItems,
    list_key,
    position_text,
    similar_key,
)
from worker.settings import Settings

PROCESS_BYTES = 345_000_000  # Python, libraries, compiled code
TORCH_BYTES = 530_000_000
SMALL_ARRAYS_BYTES = 60_000_000  # at most, what the C library keeps of those that were outgrown
TABLES_ROOM = 1.4  # tables double, and much of what is not in use yet was never touched
PEAK_TABLES = 2.5  # while tables double, or are copied for a snapshot
REDIS_ENTRY_BYTES = 80  # beside key and value: entries of both hash tables, object, allocation
SHARES, MOVERS = 7, 2  # experts with a share in an item, and own items that moved it, usually
BECAUSE_SHARE = 0.1  # of the items of a list that name one of the user's own
EVENTS_PER_SECOND = 12_000.0
HEADROOM = 1.25


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be served.

    Attributes:
        events_per_second: at the busiest time.
        worker_events_per_second: what one worker learns, as `millrace bench` measures it.
        id_characters: mean length of users' and items' ids.
    """

    users: int
    items: int
    events_per_second: float
    worker_events_per_second: float = EVENTS_PER_SECOND
    id_characters: int = ID_CHARACTERS


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of one worker: `worker_...`; of all together: the others.

    Attributes:
        workers: so many keep up with the events, and catch up after a restart.
        users_bytes, items_bytes: `memory.*` that hold all users and items, a quarter more than asked.
        worker_memory_bytes: what stays resident. worker_memory_limit_bytes: what it may need for a moment.
        redis_similar_bytes: of what is published of one item; 0 = nothing is.
        worker_snapshot_bytes: of one snapshot; `snapshots.keep` of them stand, and one more while it is written.
    """

    workers: int
    partitions: int
    users_bytes: int
    items_bytes: int
    worker_memory_bytes: int
    worker_memory_limit_bytes: int
    worker_snapshot_bytes: int
    redis_bytes: int
    redis_list_bytes: int
    redis_similar_bytes: int


def estimate(load: Load, settings: Settings) -> Estimate:
    """By the settings' experts, partitions and lists; `memory.*` is what is asked for. Raises ConfigurationError."""
    if min(load.users, load.items) < 1 or load.events_per_second < 0 or load.worker_events_per_second <= 0:
        raise ConfigurationError("there is nothing to estimate", "give one user and one item at least, and a rate")
    partitions = settings.kafka.partitions
    workers = max(1, math.ceil(HEADROOM * load.events_per_second / load.worker_events_per_second))
    if workers > partitions:
        raise ConfigurationError(
            f"{workers} workers are needed, and {partitions} partitions cannot be shared by so many",
            f"give the events topic {workers} partitions or more, and set kafka.partitions to as many",
        )
    experts, width = chosen_experts(settings), embedding_width(settings)
    users_a_partition, items = math.ceil(HEADROOM * load.users / partitions), math.ceil(HEADROOM * load.items)
    of_items, of_users = item_cost(experts, width), user_cost()
    owned = math.ceil(partitions / workers)
    tables = owned * _bytes(of_users, load.users / partitions, users_a_partition) + _bytes(of_items, load.items, items)
    process = PROCESS_BYTES + (TORCH_BYTES if "sequence" in experts else 0)
    used = owned * of_users.of(math.ceil(load.users / partitions)) + of_items.of(load.items)
    list_bytes, similar_bytes = (each(load.id_characters, settings) for each in (_list_bytes, _similar_bytes))
    return Estimate(
        workers=workers,
        partitions=partitions,
        users_bytes=users_budget_bytes(users_a_partition, partitions),
        items_bytes=items_budget_bytes(items, experts, width),
        worker_memory_bytes=round(process + TABLES_ROOM * used + min(used, SMALL_ARRAYS_BYTES)),
        worker_memory_limit_bytes=round(process + SMALL_ARRAYS_BYTES + PEAK_TABLES * tables),
        worker_snapshot_bytes=used,
        redis_bytes=load.users * list_bytes + load.items * similar_bytes,
        redis_list_bytes=list_bytes,
        redis_similar_bytes=similar_bytes,
    )


def _bytes(cost: Cost, rows: float, most_rows: int) -> int:
    """Of tables with so many rows in use: they double, up to their bound."""
    doublings = max(0, math.ceil(math.log2(max(rows, 1) / FIRST_CAPACITY)))
    return cost.of(min(FIRST_CAPACITY << doublings, most_rows))


def _list_bytes(id_characters: int, settings: Settings) -> int:
    """A user's list in Redis: key, value, and what Redis needs to keep them."""
    size, item = settings.lists.size, "i" * id_characters
    because = round(BECAUSE_SHARE * size)
    reasons = [Reason("popular_fast", item)] * because + [Reason("popular_fast")] * (size - because)
    if settings.lists.explanations:
        reasons = [_explained(item)] * size
    recent = (RecentEvent(item, 10**12, "view_item"),) * settings.lists.recent_events
    scores, model = [0.012345] * size, "millrace-0.0.0"
    value = RecommendationList(position_text(1, 1), [item] * size, scores, reasons, model, 10**12, recent)
    key = list_key("u" * id_characters, settings.redis.key_prefix)
    return len(msgspec.json.encode(value)) + len(key) + REDIS_ENTRY_BYTES


def _explained(item: str) -> Reason:
    """A reason of usual length with all that explains it."""
    shares = dict.fromkeys(ALL_EXPERTS[:SHARES], 0.1234)
    parts = dict.fromkeys(PARTS[:-1], -0.1234)
    moved_by = (Mover(item, "view_item", 0.1234),) * MOVERS
    return Reason("popular_fast", item, shares=shares, parts=parts, moved_by=moved_by, popularity=0.000123, trend=1.23)


def _similar_bytes(id_characters: int, settings: Settings) -> int:
    """What goes with an item, in Redis."""
    size, item = settings.lists.similar_size, "i" * id_characters
    if not size:
        return 0
    value = SimilarItems([item] * size, [0.012345] * size, "millrace-0.0.0", 10**12, 1e-6, 1.0, 100, 100, size)
    key = similar_key(item, settings.redis.key_prefix)
    return len(msgspec.json.encode(value)) + len(key) + REDIS_ENTRY_BYTES
