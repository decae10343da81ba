"""GRU4Rec: a recurrent network that reads a session from its start (Hidasi et al. 2016)."""

import torch
from torch import Tensor, nn
from typing_extensions import override

from models.neural.encoders.encoder import EncoderConfig, SequenceEncoder


class Gru(SequenceEncoder):
    """Layers of gated recurrent units; what the last one holds after an item is the answer there."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        between = config.dropout if config.blocks > 1 else 0.0
        self.cells = nn.GRU(config.width, config.width, config.blocks, batch_first=True, dropout=between)
        self.dropout = nn.Dropout(config.dropout)
        last = config.blocks - 1
        self.top = tuple(f"cells.{name}_l{last}" for name in ("weight_hh", "bias_hh"))

    @override
    def everywhere(self, inputs: Tensor, known: Tensor) -> Tensor:
        known = known.flip(1)  # (b, l), oldest first
        order = (~known).sort(dim=1, stable=True).indices  # (b, l), known places before the others
        x = inputs.flip(1).gather(1, order[:, :, None].expand_as(inputs))  # (b, l, d)
        x = self.dropout(x * known.gather(1, order)[:, :, None])  # (b, l, d)
        states, _ = self.cells(x)  # (b, l, d), after so many known items
        read = (known.cumsum(1) - 1).clamp(min=0)  # (b, l), which of the states belongs to a place
        return torch.flip(states.gather(1, read[:, :, None].expand_as(states)), [1])  # (b, l, d), newest first
