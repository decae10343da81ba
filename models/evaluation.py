"""The prequential protocol: rank first, then learn, for every event of a stream (Gama et al. 2013).

An event is scored when its item came before in the stream and, where the recommender leaves seen items out, the
user has not had it; where it keeps them, the user must have a history. The target competes with all items that came
before. An item that the candidates do not hold is a miss, as it would be in a served list. Ties count half. Events
of negative weight are learned but not scored.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from models.accuracy import rank_metrics
from models.batch import Bools, Float32s, Int32s, Int64s, Interactions, UInt64s
from models.candidates import place_among_chosen, position_of
from models.compiled import kernel
from models.experts.popularity import SPEEDS, Popularity
from models.exposure import exposure_metrics
from models.knowledge import EVENTS, Knowledge
from models.learning import LIST_PLACES, bet, is_taken, learn_event, teach_blend, teach_vectors
from models.lessons import is_lesson_due
from models.policies import excludes_seen
from models.profiles import Profiles
from models.ranking import take_best
from models.recommender import Recommender
from models.registry import ALL_EXPERTS, POPULAR_FAST, POPULAR_SLOW
from models.scratch import Scratch
from models.seen import SeenFilter, has_seen, pair_hash
from models.shard import ProfileShard

CHUNK_EVENTS = 20_000
EVERY_EVENT = 1, 1
MISS = np.float32(np.inf)


class Outcomes(NamedTuple):
    """What was known of n events before they were learned.

    Attributes:
        ranks: (n,) float32, the ranker's rank of the item from 1, ties half; inf = not among the chosen candidates.
        mixture_ranks: (n,) float32, the mixture's, among all candidates.
        expert_ranks: (n, experts) float32, the same for each expert alone.
        known: (n,) bool, the item came before.
        had: (n,) bool, the user had the item (Bloom filter: wrongly true for about 1 in 10,000).
        history: (n,) int64, events of the user before.
        lists: (n, 20) int32, item rows of the list that the user would have got, best first; -1 = it is shorter.
    """

    ranks: Float32s
    mixture_ranks: Float32s
    expert_ranks: Float32s
    known: Bools
    had: Bools
    history: Int64s
    lists: Int32s

    @classmethod
    def empty(cls, events: int, experts: int) -> "Outcomes":
        """Nothing was ranked."""
        return cls(
            np.full(events, MISS, np.float32),
            np.full(events, MISS, np.float32),
            np.full((events, experts), MISS, np.float32),
            np.zeros(events, np.bool_),
            np.zeros(events, np.bool_),
            np.zeros(events, np.int64),
            np.full((events, LIST_PLACES), -1, np.int32),
        )

    @property
    def experts(self) -> tuple[str, ...]:
        """Names of the experts."""
        return ALL_EXPERTS[: self.expert_ranks.shape[1]]

    def part(self, start: int, stop: int) -> "Outcomes":
        """A view of some of the events."""
        return Outcomes._make(column[start:stop] for column in self)


def prequential(
    recommender: Recommender,
    shard: ProfileShard,
    stream: Interactions,
    progress: Callable[[int], None] = lambda events: None,
) -> Outcomes:
    """Ranks, then learns, every event of the stream; calls `progress` with the number of events done so far.

    The stream must fit: no item or user may have to be forgotten (ValueError).
    """
    outcomes = Outcomes.empty(len(stream), len(recommender.experts))
    for start in range(0, len(stream), CHUNK_EVENTS):
        stop = min(start + CHUNK_EVENTS, len(stream))
        users, items = recommender.rows_for_evaluation(shard, stream.slice(start, stop))
        weights = stream.weights[start:stop]
        for first, last in recommender.parts_of_events(shard, users, items, weights, EVERY_EVENT):
            evaluate_events(
                *recommender.pass_arguments(shard),
                users,
                items,
                stream.times_ms[start:stop],
                weights,
                stream.of_objective[start:stop],
                recommender.scratch,
                outcomes.part(start, stop),
                first,
                last,
            )
        progress(stop)
    return outcomes


def joined(parts: Sequence[Outcomes]) -> Outcomes:
    """Those of a stream that was evaluated in parts."""
    return Outcomes._make(np.concatenate(columns) for columns in zip(*parts, strict=True))


def scored_events(outcomes: Outcomes, *, seen_excluded: bool) -> Bools:
    """(n,) bool, which events count."""
    return outcomes.known & (~outcomes.had if seen_excluded else outcomes.history > 0)


def summarize(outcomes: Outcomes, scored: Bools) -> dict[str, Any]:
    """Figures over the scored events: the blend's, those of the stream's second half, and each expert's alone."""
    late = scored & (np.arange(len(scored)) >= len(scored) // 2)
    return {
        "events": len(scored),
        "scored": int(scored.sum()),
        **rank_metrics(outcomes.ranks[scored]),
        "second_half": rank_metrics(outcomes.ranks[late]),
        "mixture": rank_metrics(outcomes.mixture_ranks[scored]),
        "experts": {
            name: rank_metrics(outcomes.expert_ranks[scored, index]) for index, name in enumerate(outcomes.experts)
        },
    }


def exposure(outcomes: Outcomes, scored: Bools, events: Int64s) -> dict[str, float]:
    """How the lists of the scored events spread over the catalogue; `events` (items,) of each item by row."""
    shown_at_10, shown_at_20 = (_shown(outcomes.lists[scored, :places], len(events)) for places in (10, LIST_PLACES))
    return exposure_metrics(shown_at_10, shown_at_20, events)


def _shown(lists: Int32s, items: int) -> Int64s:
    return np.bincount(lists[lists >= 0], minlength=items)


@kernel
def evaluate_events(
    knowledge: Knowledge,
    profiles: Profiles,
    seen: SeenFilter,
    user_hashes: UInt64s,
    item_hashes: UInt64s,
    repeats: int,
    ranker_warmup: int,
    ranker_every: int,
    renews: bool,
    users: Int32s,
    items: Int32s,
    times_ms: Int64s,
    weights: Float32s,
    of_objective: Bools,
    scratch: Scratch,
    outcomes: Outcomes,
    first: int,
    stop: int,
) -> None:
    """Like `learn_events`, but ranks before each event; the two leave the same state."""
    for index in range(first, stop):
        scratch.foreseen.at[0] = index - first
        user, item, weight = users[index], items[index], weights[index]
        if not is_taken(knowledge, profiles, scratch, user, item, weight):
            continue
        pair = pair_hash(user_hashes[user], item_hashes[item])
        outcomes.known[index] = knowledge.events[item] > 0
        outcomes.had[index] = has_seen(seen, pair)
        outcomes.history[index] = profiles.events[user]
        excluding = excludes_seen(repeats, knowledge.counters)
        if not (excluding and outcomes.had[index]):
            context, count = bet(knowledge, profiles, seen, user_hashes[user], item_hashes, excluding, user, scratch)
            _note_ranks(
                knowledge, seen, user_hashes[user], item_hashes, excluding, scratch, count, item, outcomes, index
            )
            take_best(scratch, count, outcomes.lists[index], scratch.ranker.best)
            _name_items(scratch.candidates.items, outcomes.lists[index])
            if is_lesson_due(int(knowledge.counters[EVENTS]), ranker_warmup, ranker_every):
                if of_objective[index]:
                    teach_blend(knowledge, profiles, renews, scratch, context, count, user, item, weight)
                else:
                    teach_vectors(knowledge, profiles, scratch, user, item, weight)
        learn_event(knowledge, profiles, seen, pair, user, item, times_ms[index], weight)


@kernel
def _note_ranks(
    knowledge: Knowledge,
    seen: SeenFilter,
    user_hash: np.uint64,
    item_hashes: UInt64s,
    excluding: bool,
    scratch: Scratch,
    count: int,
    item: int,
    outcomes: Outcomes,
    index: int,
) -> None:
    candidates = scratch.candidates
    place = place_among_chosen(candidates, item, count)
    if place >= 0:
        outcomes.ranks[index] = _rank_of(scratch.ranker.scores, count, place)
    target = position_of(candidates, item)
    if target >= 0:
        found = candidates.found[0]
        if candidates.mixed[target] > 0:
            outcomes.mixture_ranks[index] = _rank_of(candidates.mixed, found, target)
        for expert in range(len(candidates.scores)):
            popular = POPULAR_FAST <= expert <= POPULAR_SLOW
            if not popular and candidates.scores[expert, target] > 0:
                outcomes.expert_ranks[index, expert] = _rank_of(candidates.scores[expert], found, target)
    for speed in range(SPEEDS):
        outcomes.expert_ranks[index, POPULAR_FAST + speed] = _popularity_rank(
            knowledge.popularity, speed, item, seen, user_hash, item_hashes, excluding
        )


@kernel
def _name_items(items: Int32s, places: Int32s) -> None:
    """Item rows in place of the positions that `take_best` left."""
    for place in range(len(places)):
        if places[place] >= 0:
            places[place] = items[places[place]]


@kernel
def _rank_of(scores: Float32s, found: int, target: int) -> np.float32:
    """1 + how many score higher + half of those that score the same."""
    higher, equal = 0, -1
    for position in range(found):
        if scores[position] > scores[target]:
            higher += 1
        elif scores[position] == scores[target]:
            equal += 1
    return np.float32(1.0 + higher + 0.5 * equal)


@kernel
def _popularity_rank(
    popularity: Popularity,
    speed: int,
    item: int,
    seen: SeenFilter,
    user_hash: np.uint64,
    item_hashes: UInt64s,
    excluding: bool,
) -> np.float32:
    """Rank among all items, not only the candidates."""
    counts = popularity.counts[speed]
    rank = 1.0
    for other in range(len(counts)):
        if other == item or counts[other] <= 0 or counts[other] < counts[item]:
            continue
        if not (excluding and has_seen(seen, pair_hash(user_hash, item_hashes[other]))):
            rank += 1.0 if counts[other] > counts[item] else 0.5
    return np.float32(rank)
