"""Candidates of one user: proposed by the experts, filtered, scored by the experts, mixed, described, ranked."""

import numpy as np

from models.batch import Bools, Int32s, UInt64s
from models.candidates import Candidates, begin_round, begin_scores, choose, propose
from models.compiled import inlined, kernel
from models.describing import describe
from models.experts.content import propose_content, score_content
from models.experts.covisitation import SCORE_WINDOW_EVENTS, score_similar, weigh_covisitation
from models.experts.popularity import SPEEDS, propose_popular, score_popularity
from models.experts.repeats import propose_repeats, score_repeats
from models.experts.sequence import propose_sequence, score_sequence
from models.experts.transitions import weigh_transitions
from models.experts.vectors import propose_recent, read_history, score_vectors
from models.knowledge import Knowledge
from models.mixture import context_of, mix
from models.neighbours import (
    BACKWARD_SUM,
    BASKET_SUM,
    FORWARD_SUM,
    NEIGHBOURS,
    NEXT_SUM,
    Neighbours,
    gather_neighbour,
)
from models.policies import drop_hidden, drop_rejected, drop_seen
from models.profiles import Profiles, basket_size, item_back, remembered
from models.ranker import score_chosen
from models.registry import (
    BACKWARD_EXPERT,
    BASKET_EXPERT,
    CONTENT,
    FORWARD_EXPERT,
    NEXT_EXPERT,
    POPULAR_FAST,
    POPULAR_SLOW,
    REPEAT_COUNT,
    REPEAT_RECENCY,
    SEQUENCE,
    SIMILAR,
    VECTOR,
)
from models.scratch import Scratch
from models.seen import SeenFilter


@kernel
def propose_all(knowledge: Knowledge, profiles: Profiles, user: int, scratch: Scratch) -> None:
    """Collects what the active experts propose."""
    candidates = scratch.candidates
    begin_round(candidates)
    active = knowledge.mixture.active
    if active[REPEAT_RECENCY] or active[REPEAT_COUNT]:
        propose_repeats(profiles, user, candidates)
    together = active[FORWARD_EXPERT] or active[BACKWARD_EXPERT] or active[SIMILAR] or active[BASKET_EXPERT]
    _gather_rows(knowledge.neighbours, profiles, user, active[NEXT_EXPERT], together, candidates)
    if active[POPULAR_FAST : POPULAR_SLOW + 1].any():
        propose_popular(knowledge.popularity, candidates)
    if len(active) > SEQUENCE:
        propose_sequence(knowledge.sequence, scratch.foreseen, candidates)
    if len(active) > CONTENT:
        propose_content(knowledge.content, profiles, user, candidates)
    by_sequence = len(active) > SEQUENCE and active[SEQUENCE]  # it has no candidates of its own until it was trained
    if active[VECTOR] or by_sequence:
        propose_recent(knowledge.vectors, candidates)


@inlined
def propose_shown(
    knowledge: Knowledge, profiles: Profiles, user: int, shown: Bools, fillers: Int32s, scratch: Scratch
) -> None:
    """Collects what the experts propose and the rules let through, and `fillers`, which fit them."""
    propose_all(knowledge, profiles, user, scratch)
    drop_hidden(scratch.candidates, shown)
    for item in fillers:
        propose(scratch.candidates, item)


@kernel
def _gather_rows(
    table: Neighbours, profiles: Profiles, user: int, following: bool, together: bool, candidates: Candidates
) -> None:
    """Proposes the neighbours of the user's last items, with what their rows say of them."""
    basket, rows = basket_size(profiles, user), SCORE_WINDOW_EVENTS if together else int(following)
    for back in range(min(remembered(profiles, user), rows)):
        row = item_back(profiles, user, back)
        if row >= 0:
            candidates.factors[:] = np.float32(0.0)
            if following and back == 0:
                weigh_transitions(table, row, candidates.factors)
            if together:
                weigh_covisitation(table, row, back, basket, candidates.factors)
            for place in range(NEIGHBOURS):
                item = table.items[row, place]
                position = propose(candidates, item) if item >= 0 else -1
                if position >= 0:
                    gather_neighbour(candidates.sums, position, table, row, place, candidates.factors)


@kernel
def score_all(knowledge: Knowledge, profiles: Profiles, user: int, scratch: Scratch) -> None:
    """Lets each active expert score the candidates."""
    candidates = scratch.candidates
    active, scores = knowledge.mixture.active, candidates.scores
    begin_scores(candidates)
    _take_sums(candidates, NEXT_SUM, NEXT_EXPERT, active)
    _take_sums(candidates, FORWARD_SUM, FORWARD_EXPERT, active)
    _take_sums(candidates, BACKWARD_SUM, BACKWARD_EXPERT, active)
    _take_sums(candidates, BASKET_SUM, BASKET_EXPERT, active)
    score_similar(knowledge.neighbours, candidates, scores[SIMILAR])
    for speed in range(SPEEDS):
        score_popularity(knowledge.popularity, candidates, speed, scores[POPULAR_FAST + speed])
    read_history(knowledge.vectors, scratch.vectors, profiles, user)
    score_vectors(knowledge.vectors, scratch.vectors, candidates, scores[VECTOR])
    score_repeats(profiles, user, candidates, scores[REPEAT_RECENCY], scores[REPEAT_COUNT])
    if len(active) > SEQUENCE:
        score_sequence(knowledge.sequence, scratch.foreseen, candidates, scores[SEQUENCE])
    if len(active) > CONTENT:
        score_content(knowledge.content, profiles, user, candidates, scores[CONTENT])


@kernel
def _take_sums(candidates: Candidates, part: int, expert: int, active: Bools) -> None:
    if active[expert]:
        for position in range(candidates.found[0]):
            candidates.scores[expert, position] = candidates.sums[position, part]


@inlined
def mix_candidates(
    knowledge: Knowledge,
    profiles: Profiles,
    seen: SeenFilter,
    user_hash: np.uint64,
    item_hashes: UInt64s,
    excluding: bool,
    user: int,
    scratch: Scratch,
) -> int:
    """After `propose_all`: filters, scores and mixes; returns the context."""
    drop_rejected(scratch.candidates, profiles.rejected[user])
    if excluding:
        drop_seen(scratch.candidates, seen, user_hash, item_hashes)
    score_all(knowledge, profiles, user, scratch)
    context = context_of(profiles, user)
    mix(knowledge.mixture, scratch.candidates, context)
    return context


@kernel
def rank_candidates(
    knowledge: Knowledge,
    profiles: Profiles,
    seen: SeenFilter,
    user_hash: np.uint64,
    item_hashes: UInt64s,
    excluding: bool,
    user: int,
    scratch: Scratch,
) -> tuple[int, int]:
    """After `propose_all`: filters, scores, mixes, chooses and ranks; returns context and how many were chosen."""
    candidates = scratch.candidates
    context = mix_candidates(knowledge, profiles, seen, user_hash, item_hashes, excluding, user, scratch)
    count = choose(candidates)
    if count > 0:
        describe(
            knowledge, profiles, seen, user_hash, item_hashes, excluding, user, candidates, count, scratch.features
        )
        score_chosen(knowledge.ranker, candidates, count, context, scratch.features, scratch.ranker)
    return context, count
