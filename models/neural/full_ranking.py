"""Ranks of held-out items among all items of training, from what stood before them. Ranking leaves no trace."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from models.batch import Float32s, Int64s
from models.neural.goal import evaluating
from models.neural.histories import Histories, batches, before, had
from models.neural.network import Asked, Network

BATCH_EVENTS = 256
MISS = np.float32(np.inf)


def ranks_of(
    network: Network,
    histories: Histories,
    places: Int64s,
    length: int,
    *,
    seen_excluded: bool,
    scores: Callable[[Tensor], Tensor] | None = None,
) -> Float32s:
    """(h,) float32: the rank from 1 of each event's item, ties half; inf for an item that training never met.

    Where seen items are left out, those that the user had before do not compete. `scores` makes (b, items) of users'
    vectors (b, d), in place of the network's own.
    """
    ranks = np.full(len(places), MISS, np.float32)
    with evaluating(network):
        for chosen in batches(len(places), BATCH_EVENTS):
            vectors = network(asked_before(histories, places[chosen], length, network.items.device))  # (b, d)
            competing = (scores or network.scores)(vectors).float()  # (b, items)
            ranks[chosen] = _ranks(competing, histories, places[chosen], seen_excluded)
    return ranks


def asked_before(histories: Histories, places: Int64s, length: int, device: torch.device) -> Asked:
    """Users and what they had right before the events at these places (b,)."""
    users, items = histories.users[places], before(histories, places, length)
    return Asked(torch.from_numpy(users).to(device), torch.from_numpy(items).to(device))


def _ranks(scores: Tensor, histories: Histories, places: Int64s, seen_excluded: bool) -> Float32s:
    targets = histories.items[places]  # (b,)
    trained = targets < len(histories.item_ids)  # (b,)
    rows = torch.from_numpy(np.where(trained, targets, 0)).to(scores.device)  # (b,)
    wanted = scores.gather(1, rows[:, None])  # (b, 1)
    if seen_excluded:
        users, items = (torch.from_numpy(column).to(scores.device) for column in had(histories, places))
        scores[users, items] = -torch.inf
    found = _rank(scores, wanted, rows)  # (b,)
    return np.where(trained, found.cpu().numpy(), MISS).astype(np.float32)


def _rank(scores: Tensor, wanted: Tensor, rows: Tensor) -> Tensor:
    """(b,): 1 + how many others score higher + half of those that score the same."""
    others = scores.scatter(1, rows[:, None], -torch.inf)  # (b, items)
    return 1 + (others > wanted).sum(1) + 0.5 * (others == wanted).sum(1)  # (b,)
