"""A deep network over the weighted mean of a history (Covington, Adams & Sargin 2016, YouTube's candidate generation).

The paper's mean is plain; here each step back has a learned weight, which all start alike.
"""

import torch
from torch import Tensor, nn
from typing_extensions import override

from models.neural.encoders.encoder import EncoderConfig, SequenceEncoder


class Pooled(SequenceEncoder):
    """A tower of ReLU layers, the first of which is the widest."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(config.length))  # (l,), logarithms, by steps back
        layers: list[nn.Module] = []
        for block in range(config.blocks):
            into = config.width if block == 0 else 2 * config.width
            layers += [nn.Linear(into, 2 * config.width), nn.ReLU(), nn.Dropout(config.dropout)]
        self.tower = nn.Sequential(*layers, nn.Linear(2 * config.width, config.width))
        self.dropout = nn.Dropout(config.dropout)
        self.top = (f"tower.{len(layers)}.",)

    @override
    def everywhere(self, inputs: Tensor, known: Tensor) -> Tensor:
        x = self.dropout(inputs * known[:, :, None])  # (b, l, d)
        return self._dense(self._shares(known) @ x)  # (b, l, d)

    @override
    def forward(self, inputs: Tensor, known: Tensor) -> Tensor:
        x = self.dropout(inputs * known[:, :, None])  # (b, l, d)
        return self._dense((self._shares(known)[:, :1] @ x)[:, 0])  # (b, d)

    def _dense(self, mean: Tensor) -> Tensor:
        dense: Tensor = mean + self.tower(mean)  # (..., d)
        return dense

    def _shares(self, known: Tensor) -> Tensor:
        """(b, l, l): what place j adds to the mean at place i; none where j is newer than i."""
        places = torch.arange(known.shape[1], device=known.device)  # (l,)
        back = places[None, :] - places[:, None]  # (l, l), steps from i back to j
        weights = self.weights.exp()[back.clamp(min=0)] * (back >= 0)  # (l, l)
        shares = weights * known[:, None, :]  # (b, l, l)
        return shares / shares.sum(2, keepdim=True).clamp(min=1e-9)  # (b, l, l)
