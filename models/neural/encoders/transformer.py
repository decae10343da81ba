"""SASRec: causal self-attention over a history (Kang & McAuley 2018, section III)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, scaled_dot_product_attention
from typing_extensions import override

from models.neural.encoders.encoder import EncoderConfig, SequenceEncoder

POSITION_SPREAD = 0.02


class SasRec(SequenceEncoder):
    """Blocks of attention and a point-wise network over items and their learned positions."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.positions = nn.Parameter(POSITION_SPREAD * torch.randn(config.length, config.width))  # (l, d)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(config.width)
        last = f"blocks.{config.blocks - 1}."
        self.top = (f"{last}inner.", f"{last}outer.", f"{last}norm_network.", "norm.")

    @override
    def forward(self, inputs: Tensor, known: Tensor) -> Tensor:
        return self._through_blocks(inputs, known, self._older(known), asked=1)[:, 0]  # (b, d)

    @override
    def everywhere(self, inputs: Tensor, known: Tensor) -> Tensor:
        return self._through_blocks(inputs, known, self._older(known), asked=inputs.shape[1])  # (b, l, d)

    @override
    def around(self, inputs: Tensor, known: Tensor) -> Tensor:
        allowed = known[:, None, None, :] | _itself(known)  # (b, 1, l, l), as BERT4Rec does
        return self._through_blocks(inputs, known, allowed, asked=inputs.shape[1])  # (b, l, d)

    def _through_blocks(self, inputs: Tensor, known: Tensor, allowed: Tensor, asked: int) -> Tensor:
        """(b, q, d): at the newest q places, the only ones that the last block is asked for.

        A place looks where `allowed` (b, 1, l, l) says.
        """
        length, width = inputs.shape[1:]
        x = self.dropout(inputs * width**0.5 + self.positions[:length])  # (b, l, d)
        x = x.masked_fill(~known[:, :, None], 0)  # (b, l, d)
        for block in self.blocks[:-1]:
            x = block(x, allowed)  # (b, l, d)
        normed: Tensor = self.norm(self.blocks[-1](x, allowed[:, :, :asked]))  # (b, q, d)
        return normed

    @staticmethod
    def _older(known: Tensor) -> Tensor:
        """(b, 1, l, l): a place looks at itself, and at older ones that are known."""
        length = known.shape[1]
        older = torch.ones(length, length, dtype=torch.bool, device=known.device).triu()  # (l, l)
        return (older & known[:, None, None, :]) | _itself(known)  # (b, 1, l, l)


def _itself(known: Tensor) -> Tensor:
    """(l, l): every place looks at itself, lest it look at nothing."""
    return torch.eye(known.shape[1], dtype=torch.bool, device=known.device)


class _Block(nn.Module):
    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        width = config.width
        self.heads, self.share = config.heads, config.dropout
        self.query, self.value, self.output = (nn.Linear(width, width) for _ in range(3))
        self.key = nn.Linear(width, width, bias=False)  # the softmax would take it out again
        self.inner, self.outer = nn.Linear(width, width), nn.Linear(width, width)
        self.norm_attention, self.norm_network = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, allowed: Tensor) -> Tensor:
        """(b, q, d), at the first q places of x (b, l, d), each of which looks where `allowed` (b, 1, q, l) says."""
        asked = allowed.shape[2]
        attended = self._attend(self.norm_attention(x), allowed)  # (b, q, d)
        x = x[:, :asked] + self.dropout(attended)  # (b, q, d)
        inner = self.dropout(relu(self.inner(self.norm_network(x))))  # (b, q, d)
        out: Tensor = x + self.dropout(self.outer(inner))  # (b, q, d)
        return out

    def _attend(self, x: Tensor, allowed: Tensor) -> Tensor:
        query = self._split(self.query(x[:, : allowed.shape[2]]))  # (b, h, q, d / h)
        key, value = self._split(self.key(x)), self._split(self.value(x))  # (b, h, l, d / h)
        share = self.share if self.training else 0.0
        attended = scaled_dot_product_attention(query, key, value, allowed, share)  # (b, h, q, d / h)
        output: Tensor = self.output(attended.transpose(1, 2).flatten(2))  # (b, q, d)
        return output

    def _split(self, x: Tensor) -> Tensor:
        parts: Tensor = x.unflatten(2, (self.heads, -1)).transpose(1, 2)  # (b, h, l, d / h)
        return parts
