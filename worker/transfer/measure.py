"""What a transfer is worth: the new domain's first events, foreseen with it and without."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from models.accuracy import gains
from models.batch import Bools, Float32s, Interactions
from models.comparison import difference_interval
from models.evaluation import prequential, scored_events
from models.recommender import Recommender, RecommenderOptions
from models.shard import ProfileShard
from models.transfer import Likeness
from worker.errors import ConfigurationError
from worker.events import Item
from worker.offline import with_room
from worker.transfer.run import Old, begin

FIRST_EVENTS = (1_000, 5_000, 20_000)
METRICS = ("hr_at_20", "mrr_at_20")


def measured(
    old: Old,
    items: Sequence[Item],
    likeness: Likeness,
    options: RecommenderOptions,
    stream: Interactions,
    progress: Callable[[int], None] = lambda events: None,
) -> list[dict[str, Any]]:
    """Over the first 1,000, 5,000 and 20,000 events: how many are scored, HR@20 and MRR@20 without, with, and between.

    The protocol is that of `models.evaluation`; both passes score the same events. Raises ConfigurationError where
    none is scored.
    """
    first = stream.slice(0, FIRST_EVENTS[-1])
    fitting = _fitting(options, first, items, old)
    plain = Recommender(fitting)
    without, scored = _ranks(plain, plain.new_shard(), first, progress)
    new = begin(old, items, likeness, fitting, partitions=1)
    with_it, also = _ranks(new.recommender, new.shards[0], first, lambda done: progress(len(first) + done))
    found = [_figures(without, with_it, scored & also, events) for events in FIRST_EVENTS]
    if not found[-1]["scored"]:
        raise ConfigurationError("no event of the new domain is scored", "give more events")
    return [each for each in found if each["scored"]]


def _fitting(options: RecommenderOptions, stream: Interactions, items: Sequence[Item], old: Old) -> RecommenderOptions:
    """Room for all that may come: evaluation forgets nothing."""
    roomy = with_room(options, stream)
    items_at_most = len({item.item_id for item in items} | set(stream.items))
    users_at_most = len(set(stream.users)) + sum(len(shard.users) for shard in old.shards)
    return replace(roomy, max_items=max(roomy.max_items, items_at_most), max_users=max(roomy.max_users, users_at_most))


def _ranks(
    recommender: Recommender, shard: ProfileShard, stream: Interactions, progress: Callable[[int], None]
) -> tuple[Float32s, Bools]:
    outcomes = prequential(recommender, shard, stream, progress)
    scored = scored_events(outcomes, seen_excluded=recommender.excludes_seen)
    return outcomes.ranks, scored & stream.of_objective


def _figures(without: Float32s, with_it: Float32s, scored: Bools, events: int) -> dict[str, Any]:
    counted = scored & (np.arange(len(scored)) < events)
    before, after = gains(without[counted]), gains(with_it[counted])
    return {
        "events": min(events, len(scored)),
        "scored": int(counted.sum()),
        **{metric: _compared(before[metric], after[metric]) for metric in METRICS if counted.any()},
    }


def _compared(
    without: np.ndarray[Any, np.dtype[np.float64]], with_it: np.ndarray[Any, np.dtype[np.float64]]
) -> Mapping[str, float]:
    return {
        "without": float(without.mean()),
        "with": float(with_it.mean()),
        **difference_interval(with_it - without)._asdict(),
    }
