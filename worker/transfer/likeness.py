"""Which old items a new one is like, by the words of the catalogue: cosines of the terms of `models.hashed_terms`."""

from collections.abc import Sequence

import numpy as np

from models.batch import Int32s
from models.hashed_terms import rows_of
from models.transfer import Likeness
from worker.describing import description_of
from worker.events import Item

NEAREST = 20
SHARPNESS = 2.0  # weights are cosines to this power
ROWS_AT_ONCE = 256


def likeness_of(new: Sequence[Item], old: Sequence[Item], old_rows: Int32s) -> Likeness:
    """Of m new items to the 20 old ones, or fewer, whose texts are nearest; old item n lies in row `old_rows[n]`.

    How rare a word is, is counted over both catalogues.
    """
    nearest = min(NEAREST, len(old))
    rows, weights = np.zeros((len(new), nearest), np.int32), np.zeros((len(new), nearest), np.float32)
    if not new or not old:
        return Likeness(rows, weights)
    terms = rows_of(list(map(description_of, [*new, *old])))
    ours, theirs = terms[: len(new)], terms[len(new) :].T.tocsr()
    for start in range(0, len(new), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        cosines = (ours[part] @ theirs).toarray()
        best = np.argsort(-cosines, axis=1, kind="stable")[:, :nearest]
        rows[part], weights[part] = old_rows[best], np.take_along_axis(cosines, best, axis=1) ** SHARPNESS
    return Likeness(rows, weights / np.maximum(weights.sum(axis=1, keepdims=True), np.float32(1e-30)))
