"""Users who lately took the same: session-based nearest neighbours, kept up with every event.

Garg et al. 2019, "Sequence and Time Aware Neighborhood for Session-based Recommendations" (STAN), with a user's whole
timeline for a session: its last 20 items are compared, and a neighbour votes for what lies around the latest match.
Recent neighbours come first by the bound on postings, not by STAN's decay with time.
"""

from typing import NamedTuple

import numpy as np

from models.baselines.baseline import Baseline, Compiled
from models.baselines.stream import Stream, is_known, note_rank, past_items
from models.batch import Float32s, Int32s
from models.compiled import allocating_kernel

COMPARED_ITEMS = 20
COMPARED_DECAY = 0.85
POSTINGS = 200
NEIGHBOURS = 100
REACH_ITEMS = 20
REACH_DECAY = 0.85


class State(NamedTuple):
    """Who took each of n items last, of u users.

    Attributes:
        postings: (n, 200) int32, the last events with each item, in a ring; -1 = none.
        taken: (n,) int32, how many there were.
        lengths: (u,) int32, events of each user.
        similarity: (u,) float32, scratch: to the user in hand; 0 = nothing in common.
        matches: (u,) int32, scratch: where the user's latest common item lies in the other's timeline.
        turns: (u,) int32, scratch: which of the compared items was last found in common.
        met: (4000,) int32, scratch: the users with something in common.
        scores: (n,) float32, scratch.
    """

    postings: Int32s
    taken: Int32s
    lengths: Int32s
    similarity: Float32s
    matches: Int32s
    turns: Int32s
    met: Int32s
    scores: Float32s


def sessions(stream: Stream) -> Baseline:
    """Session-based nearest neighbours that have seen nothing yet."""
    items, users = stream.item_count, len(stream.begins)
    state = State(
        np.full((items, POSTINGS), -1, np.int32),
        np.zeros(items, np.int32),
        np.zeros(users, np.int32),
        np.zeros(users, np.float32),
        np.zeros(users, np.int32),
        np.zeros(users, np.int32),
        np.zeros(COMPARED_ITEMS * POSTINGS, np.int32),
        np.zeros(items, np.float32),
    )
    return Compiled(stream, state, rank_then_learn)


@allocating_kernel
def rank_then_learn(state: State, stream: Stream, start: int, stop: int, ranks: Float32s) -> None:
    """The pass over some events."""
    for index in range(start, stop):
        if is_known(stream, index):
            state.scores[: stream.known[index]] = 0.0
            _score(state, stream, _meet(state, stream, index))
            note_rank(stream, index, state.scores, ranks)
        _learn(state, stream, index)


@allocating_kernel
def _meet(state: State, stream: Stream, index: int) -> Int32s:
    """Finds the users who have something in common with the event's user, and how much."""
    found, weight, turn = 0, 1.0, 0
    for item in past_items(stream, index)[: -COMPARED_ITEMS - 1 : -1]:
        turn += 1
        for event in state.postings[item]:
            other = stream.users[event] if event >= 0 else stream.users[index]
            if other == stream.users[index] or state.turns[other] == turn:
                continue
            if state.similarity[other] == 0.0:
                state.met[found] = other
                state.matches[other] = stream.positions[event]
                found += 1
            state.turns[other] = turn
            state.similarity[other] += weight
        weight *= COMPARED_DECAY
    return state.met[:found]


@allocating_kernel
def _score(state: State, stream: Stream, met: Int32s) -> None:
    """The nearest users vote for what they took around the match; forgets what was in common."""
    similarity = state.similarity[met]
    least, ties = np.float32(0.0), len(met)
    if len(met) > NEIGHBOURS:
        least = np.partition(similarity, len(met) - NEIGHBOURS)[len(met) - NEIGHBOURS]
        ties = NEIGHBOURS - int(np.count_nonzero(similarity > least))
    for place in range(len(met)):
        if similarity[place] == least:
            ties -= 1
        if similarity[place] > least or (similarity[place] == least and ties >= 0):
            _vote(state, stream, met[place], similarity[place])
    for other in met:
        state.similarity[other] = 0.0
        state.turns[other] = 0


@allocating_kernel
def _vote(state: State, stream: Stream, other: int, similarity: float) -> None:
    begin, match, length = stream.begins[other], state.matches[other], state.lengths[other]
    weight = similarity
    for place in range(match, min(match + 1 + REACH_ITEMS, length)):
        state.scores[stream.timelines[begin + place]] += weight
        weight *= REACH_DECAY
    weight = similarity * REACH_DECAY
    for place in range(match - 1, max(match - 1 - REACH_ITEMS, -1), -1):
        state.scores[stream.timelines[begin + place]] += weight
        weight *= REACH_DECAY


@allocating_kernel
def _learn(state: State, stream: Stream, index: int) -> None:
    item, user = stream.items[index], stream.users[index]
    state.postings[item, state.taken[item] % POSTINGS] = index
    state.taken[item] += 1
    state.lengths[user] = stream.positions[index] + 1
