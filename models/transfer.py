"""What was learned in one domain as the beginning of another's: weights of experts, vectors of items, tastes of users.

Ranker and mixture weigh experts by what these say, whatever the items are, so they carry over as they are. The vectors
of an item without events begin at the mean of those of the old items that its text is like (a nearest-neighbour form of
what Gantner et al. 2010 learn as a map), so that a user's taste, a vector of the same space, finds its way among them.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from models.batch import Float32s, Int32s, Interactions
from models.experts.vectors import Vectors
from models.mixture import Mixture
from models.ranker import Ranker
from models.recommender import Recommender
from models.shard import ProfileShard

BY_ITEM = ("bias", "bias_squares")
SKETCHED = ("inputs", "outputs", "bias")


class Likeness(NamedTuple):
    """Which old items each of m new items is like.

    Attributes:
        rows: (m, k) int32, of old items.
        weights: (m, k) float32, how much each counts; a row sums to 1, or to 0 where nothing is alike.
    """

    rows: Int32s
    weights: Float32s


def begin_knowledge(old: Recommender, new: Recommender, items: Sequence[str], likeness: Likeness) -> int:
    """Lets `new`, which knows nothing, begin with what `old` learned; returns how many items got vectors.

    `items` are ids of the new domain, m of them; those beyond what `new` has room for are left out. Both must have the
    same experts (ValueError).
    """
    if old.experts != new.experts:
        raise ValueError(f"the experts {old.experts} do not fit {new.experts}")
    _carry_blend(old.knowledge.ranker, new.knowledge.ranker, old.mixture, new.mixture)
    rows = _admit(new, items)
    alike = (rows >= 0) & (likeness.weights.sum(axis=1) > 0)
    chosen = Likeness(likeness.rows[alike], likeness.weights[alike])
    _sketch_vectors(old.knowledge.vectors, new.knowledge.vectors, rows[alike], chosen)
    return int(alike.sum())


def begin_users(old: ProfileShard, new: ProfileShard, users: Iterable[str]) -> int:
    """Lets `users` begin in `new` with the tastes that they had in `old`; returns how many there was room for."""
    known = [user for user in users if old.users.row(user) >= 0]
    rows = new.users.admit(known)
    new.make_room(0)
    fit = rows >= 0
    before = np.array([old.users.row(user) for user in known], np.int32)[fit]
    new.profiles.taste[rows[fit]] = old.profiles.taste[before]
    new.profiles.taste_squares[rows[fit]] = old.profiles.taste_squares[before]
    return int(fit.sum())


def _admit(recommender: Recommender, items: Sequence[str]) -> Int32s:
    """Rows of items that nobody had yet, -1 = there is no room left: events without weight admit and teach nothing."""
    some = items[: recommender.options.max_items]
    none = np.zeros(len(some))
    shard = recommender.new_shard()
    recommender.learn(shard, Interactions(["nobody"] * len(some), some, none.astype(np.int64), none.astype(np.float32)))
    recommender.drop_shard(shard)
    return np.fromiter(map(recommender.vocabulary.row, items), np.int32, len(items))


def _carry_blend(old: Ranker, new: Ranker, old_mixture: Mixture, new_mixture: Mixture) -> None:
    """All but what the ranker knows of single items."""
    for name in set(Ranker._fields) - set(BY_ITEM):
        getattr(new, name)[...] = getattr(old, name)
    new_mixture.weights[...] = old_mixture.weights
    new_mixture.trained[...] = old_mixture.trained


def _sketch_vectors(old: Vectors, new: Vectors, rows: Int32s, likeness: Likeness) -> None:
    for name in SKETCHED:
        before, now = getattr(old, name), getattr(new, name)
        for place in range(0, len(rows), 1024):  # of (m, k, 64) not all at once
            part = slice(place, place + 1024)
            now[rows[part]] = np.einsum("mk,mk...->m...", likeness.weights[part], before[likeness.rows[part]])
    new.positions[:] = old.positions
