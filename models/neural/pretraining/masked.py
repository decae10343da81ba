"""Masked: some items of a history are hidden, and to be found from the others (BERT4Rec's cloze, Sun et al. 2019)."""

import torch
from torch import Tensor
from typing_extensions import override

from models.batch import Int64s
from models.neural.examples import seen_items
from models.neural.next_item import ranking_loss
from models.neural.pretraining.from_histories import FromHistories
from models.neural.views import mask

MASKED_SHARE = 0.2  # the paper's for ML-1M


class Masked(FromHistories):
    """The plan's objective at hidden places.

    Encoders that can look both ways do so here (see `SequenceEncoder.around`); the others find an item from older ones.
    """

    @override
    def loss(self, places: Int64s) -> Tensor:
        view = mask(torch.from_numpy(places), MASKED_SHARE)
        targets = torch.from_numpy(self.histories.items[places[view.hidden.numpy()]]).to(self.device)  # (n,)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            around = self.network.around(seen_items(self.histories, view, self.device))  # (b, l, d)
            vectors = around[view.hidden.to(self.device)]  # (n, d)
            return ranking_loss(self.plan, self.network, vectors, targets, len(self.histories.item_ids))
