"""Views: a history that says the same in another way (CL4SRec: Xie et al. 2022, section 3.3).

All take places of events (b, c) int64, newest first, -1 = none, which come last, and draw from torch's numbers.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

CROPPED_SHARE, MASKED_SHARE, REORDERED_SHARE = 0.6, 0.3, 0.6
AUGMENTED_SHARE = 0.5


class View(NamedTuple):
    """A history as it is seen.

    Attributes:
        places: (b, c) int64, of the events, newest first, -1 = none.
        hidden: (b, c) bool, events of which only their place is to be known.
    """

    places: Tensor
    hidden: Tensor


def crop(places: Tensor) -> View:
    """A run of .6 of the events, from anywhere; of two events or more, two at least."""
    counts = _counts(places)  # (b,)
    kept = (CROPPED_SHARE * counts).long().clamp(min=2).minimum(counts)  # (b,)
    columns = torch.arange(places.shape[1])  # (c,)
    found = places.gather(1, (_start(counts - kept)[:, None] + columns).clamp(max=len(columns) - 1))  # (b, c)
    seen = torch.where(columns < kept[:, None], found, -1)  # (b, c)
    return View(seen, torch.zeros_like(seen, dtype=torch.bool))


def mask(places: Tensor, share: float = MASKED_SHARE) -> View:
    """This share of the events is hidden, one at least."""
    known = places >= 0  # (b, c)
    hidden = (share * _counts(places)).long().clamp(min=1)  # (b,)
    rank = torch.rand(places.shape).masked_fill(~known, 2.0).argsort(1).argsort(1)  # (b, c), by a drawn number
    return View(places, known & (rank < hidden[:, None]))


def reorder(places: Tensor) -> View:
    """A run of .6 of the events, from anywhere, is shuffled."""
    counts = _counts(places)  # (b,)
    moved = (REORDERED_SHARE * counts).long()[:, None]  # (b, 1)
    start = _start(counts - moved[:, 0])[:, None]  # (b, 1)
    columns = torch.arange(places.shape[1])  # (c,)
    inside = (columns >= start) & (columns < start + moved)  # (b, c)
    keys = torch.where(inside, start + moved * torch.rand(places.shape), columns.float())  # (b, c)
    seen = places.gather(1, keys.argsort(stable=True, dim=1))  # (b, c)
    return View(seen, torch.zeros_like(seen, dtype=torch.bool))


VIEWS: Mapping[str, Callable[[Tensor], View]] = {"crop": crop, "mask": mask, "reorder": reorder}


def drawn_view(places: Tensor, names: Sequence[str]) -> View:
    """Each history in one of the views of these names, drawn evenly."""
    chosen = torch.randint(len(names), (len(places), 1))  # (b, 1)
    seen = View(places, torch.zeros_like(places, dtype=torch.bool))
    for number, name in enumerate(names):
        seen = _where(chosen == number, VIEWS[name](places), seen)
    return seen


def augmented(places: Tensor, names: Sequence[str]) -> View:
    """One half of the histories as they are, the others each in one of the views of these names."""
    plain = View(places, torch.zeros_like(places, dtype=torch.bool))
    if not names:
        return plain
    return _where(torch.rand(len(places), 1) < AUGMENTED_SHARE, drawn_view(places, names), plain)


def _where(chosen: Tensor, one: View, other: View) -> View:
    return View(torch.where(chosen, one.places, other.places), torch.where(chosen, one.hidden, other.hidden))


def _counts(places: Tensor) -> Tensor:
    return (places >= 0).sum(1)  # (b,)


def _start(last: Tensor) -> Tensor:
    """(b,): drawn from 0 to `last` (b,)."""
    return (torch.rand(len(last)) * (last + 1)).long().minimum(last)
