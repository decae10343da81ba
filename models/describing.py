"""Describing: the features of the chosen candidates and of the situation. All as of the user's last event."""

import numpy as np

from models.batch import Float32s, UInt64s
from models.candidates import Candidates, place_among_chosen
from models.compiled import kernel
from models.elementary import logarithm, take_logarithms
from models.experts.vectors import Vectors
from models.features import (
    ALIKE,
    FIRST_SHARE,
    FIT,
    FITS_LAST,
    FITS_TASTE,
    FOLLOWED,
    IN_BASKET,
    IS_LAST,
    IS_LAST_BUT_ONE,
    ITEM_AGE,
    ITEM_EVENTS,
    ITEM_IDLE,
    ITEM_REPEATS,
    LOGARITHMS,
    MIXED,
    OWN_AGE,
    OWN_COUNT,
    OWN_RECENCY,
    OWN_STRENGTH,
    OWN_STRONGEST,
    ROWS,
    SEEN,
    SEQUENCE_SHARE,
    SIMILARITY,
    STRONGEST_ROW,
    TREND,
    FeatureScratch,
)
from models.knowledge import EVENTS, Knowledge
from models.lane_sums import dot
from models.neighbours import NEXT, NEXT_COUNT, ROWS_WITH, SIMILAR_SUM, STRONGEST
from models.profiles import Profiles, basket_size, gap_back, item_back, remembered, strength_back
from models.registry import CONTENT, POPULAR_FAST, POPULAR_SLOW, SEQUENCE
from models.seen import SeenFilter, has_seen, pair_hash

LEAST_SHARE = 1e-4


@kernel
def describe(
    knowledge: Knowledge,
    profiles: Profiles,
    seen: SeenFilter,
    user_hash: np.uint64,
    item_hashes: UInt64s,
    excluding: bool,
    user: int,
    candidates: Candidates,
    count: int,
    scratch: FeatureScratch,
) -> None:
    """Features of the `count` chosen candidates and of the situation."""
    _describe_shares(candidates, count, scratch.values)
    if len(candidates.heard) > CONTENT:
        _describe_content(candidates, count, scratch.values)
    _describe_ties(candidates, count, scratch.values)
    _describe_items(knowledge, candidates, count, scratch.values)
    _describe_own(profiles, user, candidates, count, scratch)
    for feature in range(LOGARITHMS):
        take_logarithms(scratch.values[feature], count)
    for feature in range(SEQUENCE_SHARE, len(scratch.values)):
        take_logarithms(scratch.values[feature], count)
    _describe_fit(knowledge.vectors, profiles, user, candidates, count, scratch.values)
    for place in range(count):
        had = False
        if not excluding:
            item = candidates.items[candidates.chosen[place]]
            had = scratch.own_counts[place] > 0 or has_seen(seen, pair_hash(user_hash, item_hashes[item]))
        scratch.values[SEEN, place] = np.float32(1.0) if had else np.float32(0.0)
    _describe_situation(knowledge, profiles, excluding, user, candidates, count, scratch.situation)


@kernel
def _describe_shares(candidates: Candidates, count: int, values: Float32s) -> None:
    """What log p is taken of: for the mixture, and for each expert that has something to say."""
    for place in range(count):
        values[MIXED, place] = candidates.mixed[candidates.chosen[place]] + np.float32(1e-6)
    for expert in range(len(candidates.heard)):
        feature = FIRST_SHARE + expert if expert < SEQUENCE else SEQUENCE_SHARE + expert - SEQUENCE
        row, scores, heard = values[feature], candidates.scores[expert], candidates.heard[expert]
        for place in range(count):
            share = scores[candidates.chosen[place]] if heard else np.float32(0.0)
            row[place] = share * np.float32(1 / LEAST_SHARE) + np.float32(1.0)


@kernel
def _describe_content(candidates: Candidates, count: int, values: Float32s) -> None:
    """How much like the user's last items the candidate is, whatever the others are."""
    heard = candidates.heard[CONTENT]
    for place in range(count):
        alike = candidates.alike[candidates.chosen[place]] if heard else np.float32(0.0)
        values[ALIKE, place] = np.float32(1.0) + np.float32(20.0) * alike


@kernel
def _describe_ties(candidates: Candidates, count: int, values: Float32s) -> None:
    """What the neighbour rows say, before any normalisation."""
    for place in range(count):
        sums = candidates.sums[candidates.chosen[place]]
        values[ROWS, place] = np.float32(1.0) + sums[ROWS_WITH]
        values[STRONGEST_ROW, place] = np.float32(1.0) + np.float32(1e3) * sums[STRONGEST]
        values[FOLLOWED, place] = np.float32(1.0) + sums[NEXT_COUNT]
        values[SIMILARITY, place] = np.float32(1e-3) + sums[SIMILAR_SUM]


@kernel
def _describe_items(knowledge: Knowledge, candidates: Candidates, count: int, values: Float32s) -> None:
    """How old, how idle, how frequent and how trendy an item is."""
    now, history = knowledge.counters[EVENTS] + 1, knowledge.history
    for place in range(count):
        position = candidates.chosen[place]
        item = candidates.items[position]
        values[ITEM_AGE, place] = np.float32(1 + now - history.first[item])
        values[ITEM_IDLE, place] = np.float32(1 + now - history.last[item])
        values[ITEM_EVENTS, place] = np.float32(1 + knowledge.events[item])
        fast, slow = candidates.scores[POPULAR_FAST, position], candidates.scores[POPULAR_SLOW, position]
        values[TREND, place] = (fast + np.float32(1e-5)) / (slow + np.float32(1e-5))
        repeats, events = np.float32(history.repeats[item]), np.float32(knowledge.events[item])
        values[ITEM_REPEATS, place] = (repeats + np.float32(0.5)) / (events + np.float32(5.0))


@kernel
def _describe_own(profiles: Profiles, user: int, candidates: Candidates, count: int, scratch: FeatureScratch) -> None:
    """The user's own history with the candidate, as far as the ring goes back; after `_describe_items`."""
    _find_own(profiles, user, candidates, count, scratch)
    values = scratch.values
    for place in range(count):
        back = scratch.own_last[place]
        own, age_ms = back >= 0, max(scratch.own_ages_ms[place], 0)
        values[OWN_COUNT, place] = np.float32(1 + scratch.own_counts[place])
        values[OWN_AGE, place] = np.float32(1.0) + np.float32(age_ms) / np.float32(1000.0)
        values[OWN_RECENCY, place] = np.float32(1.0) / np.float32(1 + back) if own else np.float32(0.0)
        values[IN_BASKET, place] = np.float32(1.0) if own and age_ms == 0 else np.float32(0.0)
        values[IS_LAST, place] = np.float32(1.0) if back == 0 else np.float32(0.0)
        values[IS_LAST_BUT_ONE, place] = np.float32(0.0)
        if not own:
            values[ITEM_REPEATS, place] = np.float32(1.0)
    last_but_one = item_back(profiles, user, 1) if remembered(profiles, user) > 1 else -1
    place = place_among_chosen(candidates, last_but_one, count)
    if place >= 0:
        values[IS_LAST_BUT_ONE, place] = np.float32(1.0)


@kernel
def _find_own(profiles: Profiles, user: int, candidates: Candidates, count: int, scratch: FeatureScratch) -> None:
    """Where the chosen candidates stand in the user's ring; how much the last and the strongest event counted."""
    latest, strongest = scratch.values[OWN_STRENGTH], scratch.values[OWN_STRONGEST]
    for place in range(count):
        scratch.own_counts[place], scratch.own_last[place], scratch.own_ages_ms[place] = 0, -1, 0
        latest[place], strongest[place] = np.float32(0.0), np.float32(0.0)
    age_ms = 0
    for back in range(remembered(profiles, user)):
        place = place_among_chosen(candidates, item_back(profiles, user, back), count)
        if place >= 0:
            strength = np.float32(strength_back(profiles, user, back))
            scratch.own_counts[place] += 1
            strongest[place] = max(strongest[place], strength)
            if scratch.own_last[place] < 0:
                scratch.own_last[place], scratch.own_ages_ms[place] = back, age_ms
                latest[place] = strength
        age_ms += gap_back(profiles, user, back)


@kernel
def _describe_fit(
    vectors: Vectors, profiles: Profiles, user: int, candidates: Candidates, count: int, values: Float32s
) -> None:
    """What the vectors say: with the whole history, with the last item alone, and with the user's own vector alone."""
    last = item_back(profiles, user, 0) if remembered(profiles, user) > 0 else -1
    for place in range(count):
        position = candidates.chosen[place]
        values[FIT, place] = max(candidates.logits[position], np.float32(-20.0))
        values[FITS_LAST, place] = np.float32(0.0)
        if last >= 0:
            values[FITS_LAST, place] = dot(vectors.inputs[last], vectors.outputs[candidates.items[position]])
        values[FITS_TASTE, place] = dot(profiles.taste[user], vectors.outputs[candidates.items[position]])


@kernel
def _describe_situation(
    knowledge: Knowledge,
    profiles: Profiles,
    excluding: bool,
    user: int,
    candidates: Candidates,
    count: int,
    situation: Float32s,
) -> None:
    held, basket, best = remembered(profiles, user), basket_size(profiles, user), np.float32(0.0)
    for place in range(count):
        best = max(best, candidates.mixed[candidates.chosen[place]])
    situation[:] = np.float32(0.0)
    situation[0] = logarithm(np.float32(1 + profiles.events[user])) / np.float32(4.0)
    situation[1] = 1.0 if basket > 1 else 0.0
    situation[4] = logarithm(best + np.float32(1e-6)) / np.float32(5.0)
    situation[7] = logarithm(np.float32(1 + basket)) / np.float32(3.0)
    situation[8] = 1.0 if excluding else 0.0
    if held > 0:
        last = item_back(profiles, user, 0)
        if last >= 0:
            steps = np.float32(knowledge.neighbours.totals[last, NEXT] / knowledge.neighbours.scale[0])
            situation[3] = logarithm(np.float32(1.0) + steps) / np.float32(5.0)
        situation[5] = np.float32(1.0) - np.float32(candidates.own[0]) / np.float32(held)
    if held > 1:
        gap_ms = max(gap_back(profiles, user, 0), 0)
        situation[2] = logarithm(np.float32(1.0) + np.float32(gap_ms) / np.float32(1000.0)) / np.float32(10.0)
        situation[6] = 1.0 if item_back(profiles, user, 0) == item_back(profiles, user, 1) else 0.0
