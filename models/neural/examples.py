"""Windows of events as examples: at every place but the oldest, its event is to be foreseen from all older ones."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from models.batch import Int64s
from models.neural.histories import Histories
from models.neural.network import Asked


class Examples(NamedTuple):
    """n events to be foreseen, in b histories.

    Attributes:
        asked: whose histories, (b, l) places each.
        taken: (b, l) bool, after which places an event is to be foreseen.
        places: (n,) int64, the places of these events.
        targets: (n,) int64, rows of their items.
    """

    asked: Asked
    taken: Tensor
    places: Int64s
    targets: Tensor


def examples_of(histories: Histories, places: Int64s, device: torch.device) -> Examples:
    """Of windows (b, l + 1), newest first, -1 = none; columns that no window fills are left out."""
    longest = int((places >= 0).sum(1).max())
    places = places[:, :longest]  # (b, l + 1)
    items = np.where(places >= 0, histories.items[places], -1)  # (b, l + 1)
    taken = items[:, 1:] >= 0  # (b, l)
    older = torch.from_numpy(items[:, 1:]).to(device)  # (b, l)
    users = torch.from_numpy(histories.users[places[:, 0]]).to(device)  # (b,)
    return Examples(
        Asked(users, older),
        torch.from_numpy(taken).to(device),
        places[:, :-1][taken],
        torch.from_numpy(items[:, :-1][taken]).to(device),
    )
