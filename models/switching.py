"""Switching: what was saved with the sequence expert fits into a recommender without it, and the other way round."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from models.experts.sequence import Sequence
from models.features import features_of
from models.registry import SEQUENCE
from models.tables import dump

Arrays = dict[str, npt.NDArray[Any]]

_TABLES, _EVENTS = "knowledge.sequence.", "knowledge.events"
_WEIGHTS, _ACTIVE = "knowledge.mixture.weights", "knowledge.mixture.active"
_BY_FEATURE = tuple(
    f"knowledge.ranker.{name}"
    for name in (
        *("shared", "shared_squares", "by_context", "by_context_squares", "inner", "inner_squares"),
        *("means", "variances"),
    )
)


def without_empty(arrays: Arrays, experts: int) -> Arrays:
    """What is worth saving when so many experts have a column."""
    on = experts > SEQUENCE
    return {name: array for name, array in arrays.items() if on or not name.startswith(_TABLES)}


def switched(arrays: Mapping[str, npt.NDArray[Any]], experts: int) -> Arrays:
    """A saved recommender as if so many experts had had a column when it was saved.

    An expert that is new has learned nothing; columns of the ranker that are missing are left to the loading tables.
    """
    own = dict(arrays)
    for name in (_WEIGHTS, _ACTIVE):
        if name in own:
            own[name] = _of_width(own[name], experts)
    if _WEIGHTS in own and own[_WEIGHTS].shape != arrays[_WEIGHTS].shape:
        own[_WEIGHTS] = own[_WEIGHTS] / np.maximum(own[_WEIGHTS].sum(axis=-1, keepdims=True), 1e-300)
    for name in _BY_FEATURE:
        if name in own:
            own[name] = own[name][..., : features_of(experts)]
    if experts <= SEQUENCE:
        own |= dump(Sequence.off(), _TABLES)
    elif not any(name.startswith(_TABLES) for name in own):
        own |= dump(Sequence.empty(len(own.get(_EVENTS, ()))), _TABLES)
    return own


def _of_width(columns: npt.NDArray[Any], experts: int) -> npt.NDArray[Any]:
    """As many columns, more of 0."""
    missing = max(0, experts - columns.shape[-1])
    none_before = [(0, 0)] * (columns.ndim - 1)
    return np.pad(columns[..., :experts], [*none_before, (0, missing)])
