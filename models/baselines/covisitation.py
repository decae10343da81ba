"""What follows a user's last items: item-to-item counts that decay with the distance between the two.

After Davidson et al. 2010, "The YouTube Video Recommendation System", which counts pairs within a session; here they
are pairs in order, within the user's last 20 events.
"""

from typing import NamedTuple

import numpy as np

from models.baselines.baseline import Baseline, Compiled
from models.baselines.rows import Rows, add
from models.baselines.stream import Stream, is_known, note_rank, past_items
from models.batch import Float32s, Int32s
from models.compiled import allocating_kernel

LEARNED_ITEMS = 20
LEARNED_DECAY = 0.85
SCORED_ITEMS = 30
SCORED_DECAY = 0.75


class State(NamedTuple):
    """What followed n items.

    Attributes:
        followers: the items that came after, and how often and how soon.
        totals: (n,) float32, sums of what was counted.
        scores: (n,) float32, scratch.
    """

    followers: Rows
    totals: Float32s
    scores: Float32s


def covisitation(stream: Stream) -> Baseline:
    """Co-visitation that has seen nothing yet."""
    items = stream.item_count
    state = State(Rows.empty(items), np.zeros(items, np.float32), np.zeros(items, np.float32))
    return Compiled(stream, state, rank_then_learn)


@allocating_kernel
def rank_then_learn(state: State, stream: Stream, start: int, stop: int, ranks: Float32s) -> None:
    """The pass over some events."""
    for index in range(start, stop):
        past = past_items(stream, index)
        if is_known(stream, index):
            state.scores[: stream.known[index]] = 0.0
            _score(state, past)
            note_rank(stream, index, state.scores, ranks)
        _learn(state, past, stream.items[index])


@allocating_kernel
def _score(state: State, past: Int32s) -> None:
    decay = 1.0
    for item in past[: -SCORED_ITEMS - 1 : -1]:
        share = decay / (state.totals[item] + 1.0)
        others, counts = state.followers.items[item], state.followers.counts[item]
        for place in range(len(others)):
            if others[place] >= 0:
                state.scores[others[place]] += share * counts[place]
        decay *= SCORED_DECAY


@allocating_kernel
def _learn(state: State, past: Int32s, follower: int) -> None:
    amount = 1.0
    for item in past[: -LEARNED_ITEMS - 1 : -1]:
        state.totals[item] += amount
        add(state.followers, item, follower, amount)
        amount *= LEARNED_DECAY
