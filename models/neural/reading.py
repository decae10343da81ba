"""Histories as encoders take them: vectors of the user's last items, newest first."""

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from models.batch import Float32s

Tables = dict[str, Float32s]
"""Arrays by the names of parameters."""

ITEMS, BIAS = "items", "bias"
ITEM_SCALE = 3.0


def read(
    encoder: nn.Module, items: Tensor, histories: Tensor, kept: Tensor | None = None, scale: float = ITEM_SCALE
) -> Tensor:
    """(b, d): what an encoder makes of histories (b, l) of rows of `items` (n, d), newest first, -1 = none.

    `kept` (b, l, d) multiplies the inputs: dropout; `scale` all of them. Each history knows one row at least.
    """
    known = histories >= 0  # (b, l)
    inputs = scale * embedding(histories.clamp(min=0), items) * known[:, :, None]  # (b, l, d)
    out: Tensor = encoder(inputs if kept is None else inputs * kept, known)  # (b, d)
    return out


def parameters_of(encoder: nn.Module) -> Tables:
    """Copies of an encoder's parameters."""
    return {name: each.detach().numpy().copy() for name, each in encoder.named_parameters()}


def write(encoder: nn.Module, tables: Tables) -> None:
    """Sets the parameters that the arrays name."""
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            if name in tables:
                parameter.copy_(torch.from_numpy(tables[name]))
