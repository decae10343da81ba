"""What the models do on one core, without any service: learning, ranking, and the memory that they take."""

from collections.abc import Callable, Iterable
from functools import partial
from time import perf_counter, thread_time
from typing import Any, NamedTuple

import numpy as np

from models.batch import Interactions
from models.recommender import Arrays, Recommender
from models.shard import ProfileShard
from producers.columns import EventColumns
from worker.assembly import recommender_options
from worker.bench.memory import measure_memory
from worker.bench.plan import Plan
from worker.bench.services import LOAD
from worker.bench.stream import Stream, parts, read_stream
from worker.events import position_text
from worker.settings import Settings, load
from worker.steps.rank import Ranker

USERS_PER_CALL = Settings().refresh.chunk_users


class Rate(NamedTuple):
    """Things done a second, by the processor's time of this thread and by the clock."""

    by_cpu: float
    by_clock: float


def measure_in_process(plan: Plan, say: Callable[[str], None]) -> tuple[dict[str, Any], Arrays]:
    """Rates of one thread after a warm-up; also returns what was learned of items, for the workers to start from.

    A rate counts the processor's time, so that other processes do not.
    """
    say("learning, ranking and memory in process")
    stream = read_stream(plan.file, plan.learn_warmup_events + plan.learn_events)
    recommender = Recommender(recommender_options(load(overrides=LOAD, environment={})))
    shard = recommender.new_shard()
    learn = _learn_rate(recommender, shard, stream, plan)
    rank = _rank_rate(recommender, shard, plan)
    figures = {
        "learn_events_per_second": round(learn.by_cpu),
        "rank_lists_per_second": round(rank.by_cpu),
        "in_process": {
            "learn_events_per_second_by_clock": round(learn.by_clock),
            "rank_lists_per_second_by_clock": round(rank.by_clock),
            "warmup_events": plan.learn_warmup_events,
            "events": plan.learn_events,
            "users": len(shard.users),
            "items": len(recommender.vocabulary),
        },
    }
    return figures | measure_memory(recommender, shard), recommender.dump()


def _learn_rate(recommender: Recommender, shard: ProfileShard, stream: Stream, plan: Plan) -> Rate:
    size = Settings().kafka.max_poll_records
    warm_up = plan.learn_warmup_events
    for batch in _batches(stream.events.part(0, warm_up), size):
        recommender.learn(shard, batch)
    measured = _batches(stream.events.part(warm_up, len(stream.events)), size)
    return _rate(plan.learn_events, (partial(recommender.learn, shard, batch) for batch in measured))


def _batches(events: EventColumns, most: int) -> list[Interactions]:
    return [Interactions.of(part.user_ids, part.item_ids, part.times_ms) for part in parts(events, most)]


def _rank_rate(recommender: Recommender, shard: ProfileShard, plan: Plan) -> Rate:
    """The worker's whole step: ids, scores and reasons of each list too."""
    ranker = Ranker(recommender, Settings().lists.size, "bench")
    users = np.resize(shard.users.rows_in_use(), plan.rank_users)
    calls = [users[begin : begin + USERS_PER_CALL] for begin in range(0, len(users), USERS_PER_CALL)]
    position = position_text(1, 0)
    ranker.rank(shard, calls[0], position, 0)
    return _rate(len(users), (partial(ranker.rank, shard, rows, position, 0) for rows in calls))


def _rate(things: int, calls: Iterable[Callable[[], object]]) -> Rate:
    cpu, clock = thread_time(), perf_counter()
    for call in calls:
        call()
    return Rate(things / (thread_time() - cpu), things / (perf_counter() - clock))
