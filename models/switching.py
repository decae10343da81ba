"""Switching: what was saved with some experts fits into a recommender with others."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from models.batch import Bools
from models.experts.content import Content
from models.experts.sequence import Sequence
from models.features import features_of
from models.registry import CONTENT, SEQUENCE, takes_part
from models.tables import dump

Arrays = dict[str, npt.NDArray[Any]]

_TABLES: dict[int, tuple[str, type[Content] | type[Sequence]]] = {
    CONTENT: ("knowledge.content.", Content),
    SEQUENCE: ("knowledge.sequence.", Sequence),
}
_EMBEDDINGS = "knowledge.content.embeddings"
_EVENTS = "knowledge.events"
_WEIGHTS, _ACTIVE = "knowledge.mixture.weights", "knowledge.mixture.active"
_BY_FEATURE = tuple(
    f"knowledge.ranker.{name}"
    for name in (
        *("shared", "shared_squares", "by_context", "by_context_squares", "inner", "inner_squares"),
        *("means", "variances"),
    )
)


def without_empty(arrays: Arrays, active: Bools) -> Arrays:
    """What is worth saving when these experts take part."""
    off = tuple(prefix for expert, (prefix, _) in _TABLES.items() if not takes_part(active, expert))
    return {name: array for name, array in arrays.items() if not name.startswith(off)}


def switched(arrays: Mapping[str, npt.NDArray[Any]], active: Bools, embedding_width: int) -> Arrays:
    """A saved recommender as if these experts, (experts,), had taken part when it was saved.

    An expert that is new has learned nothing; columns of the ranker that are missing are left to the loading tables.
    Where embeddings have another width, nothing was said of any item.
    """
    own, experts = dict(arrays), len(active)
    for name in (_WEIGHTS, _ACTIVE):
        if name in own:
            own[name] = _of_width(own[name], experts)
    if _WEIGHTS in own and own[_WEIGHTS].shape != arrays[_WEIGHTS].shape:
        own[_WEIGHTS] = own[_WEIGHTS] / np.maximum(own[_WEIGHTS].sum(axis=-1, keepdims=True), 1e-300)
    for name in _BY_FEATURE:
        if name in own:
            own[name] = own[name][..., : features_of(experts)]
    for expert, (prefix, tables) in _TABLES.items():
        if not takes_part(active, expert):
            own |= dump(tables.off(), prefix)
        elif not any(name.startswith(prefix) for name in own):
            own |= dump(tables.empty(len(own.get(_EVENTS, ()))), prefix)
    if takes_part(active, CONTENT) and own[_EMBEDDINGS].shape[1] != embedding_width:
        own |= dump(Content.empty(len(own[_EMBEDDINGS]), embedding_width), _TABLES[CONTENT][0])
    return own


def _of_width(columns: npt.NDArray[Any], experts: int) -> npt.NDArray[Any]:
    """As many columns, more of 0."""
    missing = max(0, experts - columns.shape[-1])
    none_before = [(0, 0)] * (columns.ndim - 1)
    return np.pad(columns[..., :experts], [*none_before, (0, missing)])
