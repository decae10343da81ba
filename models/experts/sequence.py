"""Sequence: what follows the order of the last items, by an encoder that torch trains beside the stream.

The encoder makes one vector h of a user's last items (`neural/online.py`): of the history as it is at that moment,
with parameters that lag behind by up to two intervals of events. An item's logit is h . E[j] + b_j. Before a compiled
pass the histories of its coming events are written down (`foresee_events`), so that torch encodes them in one batch.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from models.batch import Bools, Float32s, Int32s, Int64s
from models.candidates import Candidates, propose
from models.compiled import inlined, kernel
from models.elementary import exponential
from models.lane_sums import dot
from models.lessons import is_lesson_due
from models.profiles import NOBODY, Profiles, item_back, remembered

WIDTH = 64
WINDOW_EVENTS = 20
EXAMPLES = 50_000
FORESEEN = 512
EXAMPLES_SEEN, TRAINED_AT, UPDATES = range(3)
FIRST_SPREAD = 0.02
_SEED = 25


def first_vectors(items: int) -> Float32s:
    """(items, 64): small random ones, always the same for a row."""
    random = np.random.default_rng(_SEED)
    return random.standard_normal((items, WIDTH), np.float32) * np.float32(FIRST_SPREAD)


class Sequence(NamedTuple):
    """What scores n items, and the examples to train on; empty arrays where the expert is off.

    Attributes:
        items: (n, 64) float32, E; bias: (n,) float32, b.
        histories: (50000, 20) int32, ring of examples: rows of the user's last items then, newest first; -1 = none,
            or forgotten since.
        targets: (50000,) int32, beside it, the item that came; -1 = forgotten. weights: (50000,) float32, its weight.
        counters: (3,) int64, examples so far; events learned when a training began last; trainings that score.
    """

    items: Float32s
    bias: Float32s
    histories: Int32s
    targets: Int32s
    weights: Float32s
    counters: Int64s

    @classmethod
    def empty(cls, items: int) -> "Sequence":
        """Nothing was trained."""
        return cls(
            first_vectors(items),
            np.zeros(items, np.float32),
            np.full((EXAMPLES, WINDOW_EVENTS), NOBODY, np.int32),
            np.full(EXAMPLES, NOBODY, np.int32),
            np.zeros(EXAMPLES, np.float32),
            np.zeros(3, np.int64),
        )

    @classmethod
    def off(cls) -> "Sequence":
        """Of an expert that does not take part."""
        return _off()


@cache
def _off() -> Sequence:
    """Empty arrays, which everybody may share."""
    return Sequence._make(np.zeros((0,) * array.ndim, array.dtype) for array in Sequence.empty(0))


class Foreseen(NamedTuple):
    """What the next compiled pass will ask the encoder, and its answers; scratch memory for 512 events or users.

    Attributes:
        histories: (512, 20) int32, item rows of the user's last items, newest first; -1 = none or forgotten.
        asked: (512,) bool, whether an answer is wanted: there is a history, and the event is betted on.
        vectors: (512, 64) float32, h.
        proposals: (512, p) int32, rows of the items with the highest logits; -1 = none.
        rejected: (512,) int32, while histories are written down.
        at: (1,) int64, which of them is at hand.
    """

    histories: Int32s
    asked: Bools
    vectors: Float32s
    proposals: Int32s
    rejected: Int32s
    at: Int64s

    @classmethod
    def empty(cls, experts_on: bool, proposals: int) -> "Foreseen":
        """Nothing is asked, so many items are proposed; without room where the expert is off."""
        places = FORESEEN if experts_on else 0
        return cls(
            np.full((places, WINDOW_EVENTS), NOBODY, np.int32),
            np.zeros(places, np.bool_),
            np.zeros((places, WIDTH), np.float32),
            np.full((places, proposals), NOBODY, np.int32),
            np.full(places, NOBODY, np.int32),
            np.zeros(1, np.int64),
        )


def forget_sequence(sequence: Sequence, rows: Int32s) -> None:
    """The rows go to other items."""
    if not len(sequence.counters):
        return
    sequence.histories[np.isin(sequence.histories, rows)] = NOBODY
    sequence.targets[np.isin(sequence.targets, rows)] = NOBODY


def forget_examples(sequence: Sequence, items: Int32s) -> None:
    """Blots out the examples of a user whose last items, newest first, were these; -1 = unknown. They bear no user."""
    if not len(sequence.counters):
        return
    window = np.full(len(items) + WINDOW_EVENTS, NOBODY, np.int32)
    window[: len(items)] = items
    for back in range(len(items) - 1):
        target, before = window[back], window[back + 1 : back + 1 + WINDOW_EVENTS]
        if target >= 0 and (before >= 0).any():
            alike = np.flatnonzero(sequence.targets == target)
            same = ((sequence.histories[alike] == before) | (before < 0)).all(axis=1)
            sequence.targets[alike[same]] = NOBODY
            sequence.histories[alike[same]] = NOBODY


@inlined
def _write_history(profiles: Profiles, user: int, history: Int32s) -> bool:
    """The user's last items as they are, newest first; whether any of them is known."""
    held, known = remembered(profiles, user), False
    for back in range(WINDOW_EVENTS):
        history[back] = item_back(profiles, user, back) if back < held else NOBODY
        known |= bool(history[back] >= 0)
    return known


@inlined
def note_example(sequence: Sequence, profiles: Profiles, user: int, item: int, weight: float) -> None:
    """The item is to be learned as what follows the user's history, before that takes it in."""
    if len(sequence.counters) == 0 or remembered(profiles, user) == 0:
        return
    place = sequence.counters[EXAMPLES_SEEN] % EXAMPLES
    _write_history(profiles, user, sequence.histories[place])
    sequence.targets[place], sequence.weights[place] = item, weight
    sequence.counters[EXAMPLES_SEEN] += 1


def events_until_training(sequence: Sequence, events: int, every: int) -> int:
    """After how many more learned events it is to be trained; 1 at least, for what is overdue."""
    return max(1, every - int(events - sequence.counters[TRAINED_AT]))


def earlier_of_user(users: Int32s) -> Int32s:
    """(n,) int32: the place of the same user's event before, for each of n events; -1 = none."""
    order = np.argsort(users, kind="stable").astype(np.int32)
    earlier = np.full(len(users), NOBODY, np.int32)
    same = users[order[1:]] == users[order[:-1]]
    earlier[order[1:][same]] = order[:-1][same]
    return earlier


@kernel
def foresee_events(
    profiles: Profiles,
    learned: int,
    users: Int32s,
    items: Int32s,
    weights: Float32s,
    earlier: Int32s,
    taken_at_most: int,
    warmup: int,
    every: int,
    foreseen: Foreseen,
) -> int:
    """Writes down what each user's history will be when the event comes; returns how many events are covered.

    It ends after `taken_at_most` events that are taken; `learned` events were before them. Events that are
    lessons ask.
    """
    taken = 0
    for index in range(len(users)):
        foreseen.asked[index] = False
        if users[index] < 0 or items[index] < 0 or weights[index] <= 0:
            continue
        if is_lesson_due(learned + taken, warmup, every):
            foreseen.asked[index] = _recall(profiles, users, items, weights, earlier, index, foreseen)
        taken += 1
        if taken == taken_at_most:
            return index + 1
    return len(users)


@kernel
def _recall(
    profiles: Profiles,
    users: Int32s,
    items: Int32s,
    weights: Float32s,
    earlier: Int32s,
    index: int,
    foreseen: Foreseen,
) -> bool:
    """The events of the user in between, newest first, then what the profile holds; rejected items leave a gap."""
    history, user, rejections, place = foreseen.histories[index], users[index], 0, 0
    at, known = earlier[index], False
    while at >= 0 and place < WINDOW_EVENTS:
        if items[at] >= 0 and weights[at] < 0:
            foreseen.rejected[rejections] = items[at]
            rejections += 1
        elif items[at] >= 0 and weights[at] > 0:
            known |= _put(history, place, items[at], foreseen.rejected, rejections)
            place += 1
        at = earlier[at]
    held = remembered(profiles, user)
    for back in range(WINDOW_EVENTS - place):
        row = item_back(profiles, user, back) if back < held else NOBODY
        known |= _put(history, place + back, row, foreseen.rejected, rejections)
    return known


@inlined
def _put(history: Int32s, place: int, row: int, rejected: Int32s, rejections: int) -> bool:
    history[place] = row
    for rejection in range(rejections):
        if rejected[rejection] == row:
            history[place] = NOBODY
    return bool(history[place] >= 0)


@kernel
def foresee_users(profiles: Profiles, users: Int32s, foreseen: Foreseen) -> None:
    """Writes down the histories of the users as they are."""
    for index in range(len(users)):
        foreseen.asked[index] = _write_history(profiles, users[index], foreseen.histories[index])


@inlined
def _has_answer(sequence: Sequence, foreseen: Foreseen) -> bool:
    """Whether the expert takes part, was trained, and was asked of the event or user at hand."""
    return len(sequence.counters) > 0 and sequence.counters[UPDATES] > 0 and bool(foreseen.asked[foreseen.at[0]])


@kernel
def propose_sequence(sequence: Sequence, foreseen: Foreseen, candidates: Candidates) -> None:
    """Proposes what torch found to score highest."""
    at = foreseen.at[0]
    if not _has_answer(sequence, foreseen):
        return
    for item in foreseen.proposals[at]:
        if item >= 0:
            propose(candidates, item)


@kernel
def score_sequence(sequence: Sequence, foreseen: Foreseen, candidates: Candidates, out: Float32s) -> None:
    """Exp of the logit less the highest one; nothing where nothing was asked, or before it was trained."""
    at = foreseen.at[0]
    if not _has_answer(sequence, foreseen):
        return
    vector, highest = foreseen.vectors[at], np.float32(-3e38)
    for position in range(candidates.found[0]):
        item = candidates.items[position]
        out[position] = sequence.bias[item] + dot(vector, sequence.items[item])
        highest = max(highest, out[position])
    logits = out[: candidates.found[0]]
    for position in range(len(logits)):
        logits[position] = exponential(logits[position] - highest)
