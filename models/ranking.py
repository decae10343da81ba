"""The compiled pass over users: candidates -> rules -> mixture -> ranker -> top-k, with the reason for each item."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from models.assortment import Shelf
from models.batch import Float32s, Int32s, UInt64s
from models.compiled import kernel
from models.diversity import Diversity, is_diverse, pick_diverse
from models.experts.content import most_alike
from models.experts.covisitation import (
    BACKWARD_WEIGHT,
    BASKET_WEIGHT,
    FORWARD_DECAY,
    SCORE_WINDOW_EVENTS,
    SIMILAR_DECAY,
)
from models.explaining import PARTS, RULE_PART, part_score, share_out
from models.gathering import propose_shown, rank_candidates
from models.knowledge import Knowledge
from models.moving import Moved
from models.neighbours import BACKWARD, BASKET, FORWARD, Neighbours, place_of
from models.policies import excludes_seen
from models.profiles import Profiles, item_back, remembered
from models.ranker import lift_chosen
from models.registry import BACKWARD_EXPERT, BASKET_EXPERT, CONTENT, FORWARD_EXPERT, NEXT_EXPERT, SIMILAR
from models.scratch import Scratch
from models.seen import SeenFilter


class Ranked(NamedTuple):
    """Lists of m users, k places each, best first.

    Attributes:
        items: (m, k) int32, item rows; -1 = the list is shorter.
        scores: (m, k) float32, the ranker's probabilities; they descend unless a rule of diversity sets the order.
        experts: (m, k) int8, index of the expert that weighed most; -1 = it was pinned there, and no expert named it.
        because: (m, k) int32, row of the user's own item behind it; -1 = none.
        shares: (m, k, experts) float32, of each expert in the mixture's probability of the item; they sum to 1.
        parts: (m, k, parts) float32, what the ranker's score of the item, a logit, is the sum of (`explaining.PARTS`).
            Both have last dimension 0 unless they were asked for.
        moved: by which of the user's own items each was moved (`moving.py`); empty unless that was asked for.
    """

    items: Int32s
    scores: Float32s
    experts: np.ndarray[tuple[int, ...], np.dtype[np.int8]]
    because: Int32s
    shares: Float32s
    parts: Float32s
    moved: Moved

    @classmethod
    def empty(cls, users: int, size: int, experts: int, *, explain: bool = False) -> "Ranked":
        """Lists of length 0; `explain` asks for shares, of so many experts, parts and movers."""
        shape = (users, size)
        return cls(
            np.full(shape, -1, np.int32),
            np.zeros(shape, np.float32),
            np.zeros(shape, np.int8),
            np.full(shape, -1, np.int32),
            np.zeros((*shape, experts if explain else 0), np.float32),
            np.zeros((*shape, len(PARTS) if explain else 0), np.float32),
            Moved.empty(users, size if explain else 0),
        )

    @property
    def is_explained(self) -> bool:
        """Whether shares, parts and movers were asked for."""
        return bool(self.moved.mixed.shape[1])

    def columns(self) -> list[npt.NDArray[Any]]:
        """All arrays, each with a row a list and, where it was asked for, a column a place."""
        return [*self[:-1], *self.moved]

    def put(self, index: int, own: "Ranked") -> None:
        """Puts a single list in the place of list number `index`."""
        for column, other in zip(self.columns(), own.columns(), strict=True):
            column[index] = other[0]

    def part(self, part: slice) -> "Ranked":
        """A view of some of the lists."""
        return Ranked._make(each.part(part) if isinstance(each, Moved) else each[part] for each in self)


@kernel
def rank_users(
    knowledge: Knowledge,
    profiles: Profiles,
    seen: SeenFilter,
    user_hashes: UInt64s,
    item_hashes: UInt64s,
    shelf: Shelf,
    fillers: Int32s,
    rule: Diversity,
    repeats: int,
    users: Int32s,
    scratch: Scratch,
    ranked: Ranked,
) -> None:
    """Fills row i of `ranked` with the list of `users[i]`. Leaves no trace in knowledge or profiles.

    `fillers` are proposed too, after the shelf took out what may not be shown.
    """
    excluding = excludes_seen(repeats, knowledge.counters)
    for index in range(len(users)):
        user = users[index]
        scratch.foreseen.at[0] = index
        propose_shown(knowledge, profiles, user, shelf.shown, fillers, scratch)
        context, count = rank_candidates(
            knowledge, profiles, seen, user_hashes[user], item_hashes, excluding, user, scratch
        )
        if len(shelf.lifts) > 0 and count > 0:
            lift_chosen(scratch.candidates, count, shelf.lifts, scratch.ranker)
        if is_diverse(rule):
            _take_diverse(knowledge, shelf, rule, scratch, count, ranked.items[index], ranked.scores[index])
        else:
            take_best(scratch, count, ranked.items[index], ranked.scores[index])
        _explain(knowledge, shelf, profiles, user, context, scratch, ranked, index)


@kernel
def take_best(scratch: Scratch, count: int, items: Int32s, scores: Float32s) -> None:
    """The best of the chosen by insertion into a short sorted list; `items` holds positions among the candidates."""
    length, size = 0, len(items)
    for place in range(count):
        score = scratch.ranker.chances[place]
        if length == size and score <= scores[size - 1]:
            continue
        here = min(length, size - 1)
        length = min(length + 1, size)
        while here > 0 and scores[here - 1] < score:
            scores[here], items[here] = scores[here - 1], items[here - 1]
            here -= 1
        scores[here], items[here] = score, scratch.candidates.chosen[place]
    for place in range(length, size):
        items[place] = -1


@kernel
def _take_diverse(
    knowledge: Knowledge, shelf: Shelf, rule: Diversity, scratch: Scratch, count: int, items: Int32s, scores: Float32s
) -> None:
    """Like `take_best`, by the rule; scores need not descend then."""
    for place in range(count):
        scratch.diversity.rows[place] = scratch.candidates.items[scratch.candidates.chosen[place]]
        scratch.diversity.relevance[place] = scratch.ranker.scores[place]
    outputs = knowledge.vectors.outputs
    length = pick_diverse(rule, outputs, shelf.categories, count, len(items), scratch.diversity)
    for place in range(length):
        picked = scratch.diversity.picked[place]
        items[place], scores[place] = scratch.candidates.chosen[picked], scratch.ranker.chances[picked]
    for place in range(length, len(items)):
        items[place] = -1


@kernel
def _explain(
    knowledge: Knowledge,
    shelf: Shelf,
    profiles: Profiles,
    user: int,
    context: int,
    scratch: Scratch,
    ranked: Ranked,
    index: int,
) -> None:
    candidates = scratch.candidates
    for place in range(ranked.items.shape[1]):
        position = ranked.items[index, place]
        if position < 0:
            break
        item = candidates.items[position]
        expert = share_out(knowledge.mixture, candidates, context, position, ranked.shares[index, place])
        part_score(knowledge.ranker, scratch.ranker, candidates.places[position], item, ranked.parts[index, place])
        if len(ranked.parts[index, place]) > 0 and len(shelf.lifts) > 0:
            ranked.parts[index, place, RULE_PART] = shelf.lifts[item]
        ranked.items[index, place] = item
        ranked.experts[index, place] = expert
        if expert == NEXT_EXPERT:
            ranked.because[index, place] = item_back(profiles, user, 0)
        elif expert in (FORWARD_EXPERT, BACKWARD_EXPERT, SIMILAR, BASKET_EXPERT):
            ranked.because[index, place] = _closest(knowledge.neighbours, profiles, user, item, expert)
        elif expert == CONTENT:
            ranked.because[index, place] = most_alike(knowledge.content, profiles, user, item)


@kernel
def _closest(table: Neighbours, profiles: Profiles, user: int, item: int, expert: int) -> int:
    """The user's item that contributed most to the score of `item`; the scoring formulas are covisitation's."""
    best, most, decay = -1, np.float32(0.0), 1.0
    for back in range(min(remembered(profiles, user), SCORE_WINDOW_EVENTS)):
        row = item_back(profiles, user, back)
        place = place_of(table, row, item) if row >= 0 else -1
        if place >= 0:
            ahead, behind = table.counts[row, FORWARD, place], table.counts[row, BACKWARD, place]
            with_it = table.counts[row, BASKET, place]
            if expert == FORWARD_EXPERT:
                share = decay * ahead / (table.totals[row, FORWARD] + table.scale[0])
            elif expert == BACKWARD_EXPERT:
                share = decay * behind / (table.totals[row, BACKWARD] + table.scale[0])
            elif expert == BASKET_EXPERT:
                share = with_it / (table.totals[row, BASKET] + table.scale[0])
            else:
                around = ahead + BACKWARD_WEIGHT * behind + BASKET_WEIGHT * with_it
                share = decay * around / np.sqrt(table.mass[row] + table.scale[0])
            if share > most:
                best, most = row, np.float32(share)
        decay *= SIMILAR_DECAY if expert == SIMILAR else FORWARD_DECAY
    return best
