"""Contrastive: two views of a history are to be nearer to each other than to those of others (Xie et al. 2022)."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize
from typing_extensions import override

from models.batch import Int64s
from models.neural.examples import seen_items
from models.neural.pretraining.from_histories import FromHistories
from models.neural.views import VIEWS, drawn_view

TEMPERATURE = 0.2


class Contrastive(FromHistories):
    """InfoNCE over the batch, of two drawn views (crop, mask, reorder) of each history."""

    @override
    def loss(self, places: Int64s) -> Tensor:
        whole = torch.from_numpy(places)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            one, other = (self._vectors(whole) for _ in range(2))  # (b, d) each
        return info_nce(one.float(), other.float())

    def _vectors(self, places: Tensor) -> Tensor:
        seen = seen_items(self.histories, drawn_view(places, tuple(VIEWS)), self.device)  # (b, l)
        return self.network.of_histories(seen)  # (b, d)


def info_nce(one: Tensor, other: Tensor) -> Tensor:
    """(): of vectors (b, d) each, -log of a softmax at the row's other view, against both views of all other rows.

    Similarity is the cosine (Chen et al. 2020, NT-Xent), divided by the temperature.
    """
    both = normalize(torch.cat([one, other]), dim=1)  # (2b, d)
    similar = (both @ both.T / TEMPERATURE).fill_diagonal_(-torch.inf)  # (2b, 2b)
    rows = torch.arange(len(both), device=both.device)  # (2b,)
    return cross_entropy(similar, rows.roll(len(one)))
