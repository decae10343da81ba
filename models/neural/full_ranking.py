"""Ranks of held-out items among all items of training, from what stood before them. Ranking leaves no trace."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from models.batch import Float32s, Int64s
from models.neural.histories import Histories, batches, before, had
from models.neural.network import Asked, Network

BATCH_EVENTS = 256
MISS = np.float32(np.inf)


@torch.no_grad()
def ranks_of(
    network: Network,
    histories: Histories,
    places: Int64s,
    length: int,
    *,
    seen_excluded: bool,
    progress: Callable[[int], None] = lambda events: None,
) -> Float32s:
    """(h,) float32: the rank from 1 of each event's item, ties half; inf for an item that training never met.

    Where seen items are left out, those that the user had before do not compete.
    """
    was_training = network.training
    network.eval()
    ranks = np.full(len(places), MISS, np.float32)
    for chosen in batches(len(places), BATCH_EVENTS):
        ranks[chosen] = _ranks(network, histories, places[chosen], length, seen_excluded)
        progress(int(chosen[-1]) + 1)
    network.train(was_training)
    return ranks


def _ranks(network: Network, histories: Histories, places: Int64s, length: int, seen_excluded: bool) -> Float32s:
    home = network.items.device
    targets = histories.items[places]  # (b,)
    trained = targets < len(histories.item_ids)  # (b,)
    rows = torch.from_numpy(np.where(trained, targets, 0)).to(home)  # (b,)
    asked = Asked(
        torch.from_numpy(histories.users[places]).to(home), torch.from_numpy(before(histories, places, length)).to(home)
    )
    scores = network.scores(network(asked)).float()  # (b, items)
    wanted = scores.gather(1, rows[:, None])  # (b, 1)
    if seen_excluded:
        users, items = (torch.from_numpy(column).to(home) for column in had(histories, places))
        scores[users, items] = -torch.inf
    found = _rank(scores, wanted, rows)  # (b,)
    return np.where(trained, found.cpu().numpy(), MISS).astype(np.float32)


def _rank(scores: Tensor, wanted: Tensor, rows: Tensor) -> Tensor:
    """(b,): 1 + how many others score higher + half of those that score the same."""
    others = scores.scatter(1, rows[:, None], -torch.inf)  # (b, items)
    return 1 + (others > wanted).sum(1) + 0.5 * (others == wanted).sum(1)  # (b,)
