"""The encoder of a user's last items in torch: what the kernels of `experts/sequence.py` compute, differentiable."""

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, layer_norm, linear, relu

from models.experts.sequence import ITEM_SCALE, LEAST_VARIANCE, WIDTH, Parameters

IMPOSSIBLE = -1e30


class Encoder(nn.Module):
    """One block of self-attention, asked at the newest place; its parameters share the memory of the arrays."""

    def __init__(self, parameters: Parameters) -> None:
        super().__init__()
        for name, array in zip(Parameters._fields, parameters, strict=True):
            self.register_parameter(name, nn.Parameter(torch.from_numpy(array)))

    def forward(self, histories: Tensor, kept: Tensor | None = None) -> Tensor:
        """(b, 64): what histories (b, 20) of rows say, newest first, -1 = none; each knows one row at least.

        `kept` (b, 20, 64) multiplies the inputs: dropout.
        """
        own = dict(self.named_parameters())
        known = histories >= 0  # (b, 20)
        items = embedding(histories.clamp(min=0), own["items"]) * known[:, :, None]  # (b, 20, 64)
        x = ITEM_SCALE * items + own["positions"]  # (b, 20, 64)
        x = x if kept is None else x * kept  # (b, 20, 64)
        query = linear(x[:, 0], own["query"]) @ own["key"]  # (b, 64), W_k' W_q x_0
        attention = (x @ query[:, :, None])[:, :, 0] * WIDTH**-0.5  # (b, 20)
        attention = attention.masked_fill(~known, -torch.inf).softmax(1)  # (b, 20)
        summed = (attention[:, None] @ x)[:, 0]  # (b, 64)
        y = x[:, 0] + linear(linear(summed, own["value"]), own["output"])  # (b, 64)
        normed = layer_norm(y, [WIDTH], own["norm_scale"], own["norm_offset"], LEAST_VARIANCE)  # (b, 64)
        inner = relu(linear(normed, own["inner"], own["inner_offset"]))  # (b, 256)
        out = y + linear(inner, own["outer"], own["outer_offset"])  # (b, 64)
        return layer_norm(out, [WIDTH], own["last_scale"], own["last_offset"], LEAST_VARIANCE)  # (b, 64)

    def sampled_logits(self, users: Tensor, targets: Tensor, negatives: Tensor) -> Tensor:
        """(b, 1 + m): of each example's own item, `targets` (b,), then of all `negatives` (m,), its own less likely."""
        items, bias = self.get_parameter("items"), self.get_parameter("bias")
        wanted = (users * embedding(targets, items)).sum(1) + bias[targets]  # (b,)
        others = linear(users, embedding(negatives, items), bias[negatives])  # (b, m)
        others = others.masked_fill(negatives == targets[:, None], IMPOSSIBLE)  # (b, m)
        return torch.cat([wanted[:, None], others], 1)  # (b, 1 + m)

    def logits(self, users: Tensor) -> Tensor:
        """(b, n): of all items for what `forward` gave, (b, 64)."""
        return linear(users, self.get_parameter("items"), self.get_parameter("bias"))  # (b, n)
