"""The compiled pass over a batch: event by event in order, so that a batch that is cut differently teaches the same."""

from typing import NamedTuple

import numpy as np

from models.batch import Bools, Float32s, Int8s, Int32s, Int64s, UInt64s
from models.candidates import place_among_chosen, position_of
from models.compiled import inlined, kernel
from models.elementary import logarithm
from models.experts.covisitation import learn_covisitation
from models.experts.popularity import SPEEDS, learn_popularity
from models.experts.sequence import note_example
from models.experts.transitions import learn_transitions
from models.experts.vectors import learn_distaste, learn_vectors, note_recent, read_history
from models.gathering import propose_all, rank_candidates
from models.knowledge import EVENTS, KNOWN_USER_EVENTS, REPEAT_EVENTS, Knowledge
from models.lessons import is_lesson_due
from models.mixture import learn_mixture
from models.neighbours import age_neighbours
from models.policies import excludes_seen
from models.profiles import NOBODY, Profiles, append_event, place_in, reject_item
from models.ranker import RankerScratch, learn_averages, learn_chosen
from models.registry import VECTOR
from models.renewal import LOG_LOSS, MISSES, Renewal, has_changed, new_items_have_changed, note_new_item, renew
from models.scratch import Scratch
from models.seen import SeenFilter, add_seen, has_seen, pair_hash

LIST_PLACES = 20
LEAST_CHANCE = 1e-4
LEAST_DISTASTE = 0.05


class Served(NamedTuple):
    """How published lists fared, a value each event.

    Attributes:
        places: (n,) int32, place of the event's item in the user's published list, from 1; 0 = not in it; -1 = the
            user has no list, or the event teaches nothing.
        popular_places: (n,) int32, the same for the popular list, for events whose user has a list.
        explored: (n,) bool, the event's item stood in the user's list for exploration.
    """

    places: Int32s
    popular_places: Int32s
    explored: Bools

    @classmethod
    def empty(cls, events: int) -> "Served":
        """No event was served."""
        return cls(np.full(events, -1, np.int32), np.full(events, -1, np.int32), np.zeros(events, np.bool_))

    def part(self, start: int, stop: int) -> "Served":
        """A view of some of the events."""
        return Served._make(column[start:stop] for column in self)

    def only(self, wanted: Bools) -> "Served":
        """As if the events that are not wanted, (n,), had met no list."""
        return Served(
            np.where(wanted, self.places, np.int32(-1)),
            np.where(wanted, self.popular_places, np.int32(-1)),
            self.explored & wanted,
        )


class Surprises(NamedTuple):
    """How well the coming events were foreseen, a value each event.

    Attributes:
        log_losses: (n,) float32, -log of the chance that the ranker gave the event's item, at most 9.2 (a chance of
            1 in 10,000); -1 = the item is new, or the event taught the ranker nothing.
        new_items: (n,) int8, 1 = the item is new or was forgotten, 0 = it is known; -1 = the event teaches nothing.
    """

    log_losses: Float32s
    new_items: Int8s

    @classmethod
    def empty(cls, events: int) -> "Surprises":
        """No event came."""
        return cls(np.full(events, -1, np.float32), np.full(events, -1, np.int8))

    def part(self, start: int, stop: int) -> "Surprises":
        """A view of some of the events."""
        return Surprises._make(column[start:stop] for column in self)


@kernel
def learn_events(
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
    served: Served,
    surprises: Surprises,
    first: int,
    stop: int,
) -> None:
    """Learns events `first` to `stop` of one shard: first what the lists were worth, then blend, tables and user.

    Of the blend, events that are not `of_objective` teach the vectors alone.
    """
    for index in range(first, stop):
        scratch.foreseen.at[0] = index - first
        user, item, weight = users[index], items[index], weights[index]
        if weight > 0:
            surprises.new_items[index] = 1 if item < 0 or knowledge.events[item] == 0 else 0
        if not is_taken(knowledge, profiles, scratch, user, item, weight):
            continue
        if profiles.published[user, 0] != -1 or profiles.explored[user] != 0:
            served.places[index] = place_in(profiles.published[user], item)
            served.popular_places[index] = place_in(knowledge.popular, item)
            if profiles.explored[user] == item_hashes[item]:
                served.explored[index] = True
                served.places[index] = place_in(profiles.published[user], NOBODY)  # it stands at the end of the list
        pair = pair_hash(user_hashes[user], item_hashes[item])
        if is_lesson_due(int(knowledge.counters[EVENTS]), ranker_warmup, ranker_every):
            excluding = excludes_seen(repeats, knowledge.counters)
            if excluding and has_seen(seen, pair):
                pass
            elif not of_objective[index]:
                teach_vectors(knowledge, profiles, scratch, user, item, weight)
            else:
                context, count = bet(
                    knowledge, profiles, seen, user_hashes[user], item_hashes, excluding, user, scratch
                )
                surprises.log_losses[index] = teach_blend(
                    knowledge, profiles, renews, scratch, context, count, user, item, weight
                )
        learn_event(knowledge, profiles, seen, pair, user, item, times_ms[index], weight)


@inlined
def is_taken(knowledge: Knowledge, profiles: Profiles, scratch: Scratch, user: int, item: int, weight: float) -> bool:
    """Whether the event says that the user took the item; that the user rejected it is learned here."""
    if user < 0 or item < 0:
        return False
    if weight < 0:
        learn_rejection(knowledge, profiles, scratch, user, item, -weight)
    return weight > 0


@kernel
def learn_rejection(
    knowledge: Knowledge, profiles: Profiles, scratch: Scratch, user: int, item: int, weight: float
) -> None:
    """The item leaves the user's history and lists until the user takes it again, and falls in the user's taste.

    A light rejection says nothing of taste: the user has the item already, say. Tables of items and the counters stay
    as they are: what was taken before was taken.
    """
    if knowledge.mixture.active[VECTOR] and weight >= LEAST_DISTASTE:
        read_history(knowledge.vectors, scratch.vectors, profiles, user)
        learn_distaste(knowledge.vectors, scratch.vectors, profiles, user, item, weight)
    reject_item(profiles, user, item)


@kernel
def bet(
    knowledge: Knowledge,
    profiles: Profiles,
    seen: SeenFilter,
    user_hash: np.uint64,
    item_hashes: UInt64s,
    excluding: bool,
    user: int,
    scratch: Scratch,
) -> tuple[int, int]:
    """Ranks for the user's coming event; returns the context and how many candidates were chosen.

    The assortment is left aside: a replay must learn the same whatever the catalogue says by then.
    """
    propose_all(knowledge, profiles, user, scratch)
    return rank_candidates(knowledge, profiles, seen, user_hash, item_hashes, excluding, user, scratch)


@kernel
def teach_blend(
    knowledge: Knowledge,
    profiles: Profiles,
    renews: bool,
    scratch: Scratch,
    context: int,
    count: int,
    user: int,
    item: int,
    weight: float,
) -> np.float32:
    """The item came that was betted on: mixture, ranker and vectors learn from it, their losses times `weight`.

    Returns the log-loss, not weighed; -1 = the item is new.
    """
    candidates = scratch.candidates
    if count > 0:
        learn_averages(knowledge.ranker, count, scratch.features, scratch.ranker)
    target = position_of(candidates, item)
    if target >= 0 and candidates.mixed[target] > 0:
        learn_mixture(knowledge.mixture, candidates, context, target, weight)
    place = place_among_chosen(candidates, item, count)
    log_loss = np.float32(-1.0)
    changes = int(new_items_have_changed(knowledge.renewal, int(knowledge.counters[EVENTS])))
    if knowledge.events[item] > 0:
        log_loss, worse = _watch_bet(knowledge.renewal, scratch.ranker, count, place)
        changes += worse
    if renews:
        for _ in range(changes):
            renew(knowledge.vectors, knowledge.ranker, knowledge.mixture)
    if place >= 0:
        learn_chosen(knowledge.ranker, candidates, count, context, place, weight, scratch.features, scratch.ranker)
    if knowledge.mixture.active[VECTOR]:
        _learn_vectors(knowledge, profiles, scratch, user, item, weight)
    return log_loss


@kernel
def teach_vectors(
    knowledge: Knowledge, profiles: Profiles, scratch: Scratch, user: int, item: int, weight: float
) -> None:
    """What an event that is not of the objective teaches besides the tables."""
    if knowledge.mixture.active[VECTOR]:
        read_history(knowledge.vectors, scratch.vectors, profiles, user)
        _learn_vectors(knowledge, profiles, scratch, user, item, weight)


@inlined
def _learn_vectors(
    knowledge: Knowledge, profiles: Profiles, scratch: Scratch, user: int, item: int, weight: float
) -> None:
    slow = knowledge.popularity.counts[SPEEDS - 1], knowledge.popularity.totals[SPEEDS - 1]
    learn_vectors(knowledge.vectors, scratch.vectors, profiles, slow[0], slow[1], user, item, weight)


@kernel
def _watch_bet(renewal: Renewal, scratch: RankerScratch, count: int, place: int) -> tuple[np.float32, int]:
    """Log-loss of a known item, chosen candidate `place` (-1 = none), and how many tests say that bets got worse."""
    chance, above = np.float32(LEAST_CHANCE), LIST_PLACES
    if place >= 0:
        chance, above = max(scratch.chances[place], chance), 0
        for other in range(count):
            above += 1 if scratch.scores[other] > scratch.scores[place] else 0
    log_loss = -logarithm(chance)
    worse = int(has_changed(renewal, LOG_LOSS, float(log_loss)))
    worse += int(has_changed(renewal, MISSES, 0.0 if above < LIST_PLACES else 1.0))
    return np.float32(log_loss), worse


@inlined
def learn_event(
    knowledge: Knowledge,
    profiles: Profiles,
    seen: SeenFilter,
    pair: np.uint64,
    user: int,
    item: int,
    time_ms: int,
    weight: float,
) -> None:
    """One event goes into all tables, then into the user's history."""
    learn_transitions(knowledge.neighbours, profiles, user, item, weight)
    learn_covisitation(knowledge.neighbours, profiles, user, item, time_ms, weight)
    age_neighbours(knowledge.neighbours, item, weight)
    learn_popularity(knowledge.popularity, item, weight)
    note_example(knowledge.sequence, profiles, user, item, weight)
    _count(knowledge, profiles, seen, user, item, pair)
    append_event(profiles, user, item, time_ms, weight)


@inlined
def _count(knowledge: Knowledge, profiles: Profiles, seen: SeenFilter, user: int, item: int, pair: np.uint64) -> None:
    repeated = has_seen(seen, pair)
    if profiles.events[user] > 0:
        knowledge.counters[KNOWN_USER_EVENTS] += 1
        if repeated:
            knowledge.counters[REPEAT_EVENTS] += 1
    if not repeated:
        add_seen(seen, pair)
    knowledge.counters[EVENTS] += 1
    history = knowledge.history
    history.repeats[item] += 1 if repeated else 0
    history.last[item] = knowledge.counters[EVENTS]
    if knowledge.events[item] == 0:
        history.first[item] = knowledge.counters[EVENTS]
        note_new_item(knowledge.renewal)
    knowledge.events[item] += 1
    note_recent(knowledge.vectors, item)
