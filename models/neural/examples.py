"""Windows of events as examples: at every place but the oldest, its event is to be foreseen from all older ones."""

from typing import NamedTuple

import torch
from torch import Tensor

from models.batch import Int64s
from models.neural.histories import Histories
from models.neural.network import HIDDEN, NOTHING, Asked
from models.neural.views import View


class Examples(NamedTuple):
    """n events to be foreseen, in b histories.

    Attributes:
        asked: whose histories, (b, l) places each.
        histories: (b, l) int64, the places of their events, newest first, -1 = none.
        taken: (b, l) bool, after which of them an event is to be foreseen.
        places: (n,) int64, the places of these events.
        targets: (n,) int64, rows of their items.
    """

    asked: Asked
    histories: Int64s
    taken: Tensor
    places: Int64s
    targets: Tensor


def examples_of(histories: Histories, view: View, device: torch.device) -> Examples:
    """Of windows (b, l + 1), newest first, -1 = none; columns that no window fills are left out.

    What is hidden in the view is still to be foreseen.
    """
    longest = int((view.places >= 0).sum(1).max())
    view = View(view.places[:, :longest], view.hidden[:, :longest])  # (b, l + 1)
    places = view.places.numpy()  # (b, l + 1)
    taken = places[:, 1:] >= 0  # (b, l)
    wanted = places[:, :-1][taken]  # (n,)
    users = torch.from_numpy(histories.users[places[:, 0]]).to(device)  # (b,)
    return Examples(
        Asked(users, seen_items(histories, view, device)[:, 1:]),
        places[:, 1:],
        torch.from_numpy(taken).to(device),
        wanted,
        torch.from_numpy(histories.items[wanted]).to(device),
    )


def seen_items(histories: Histories, view: View, device: torch.device) -> Tensor:
    """(b, c): rows of the items at the view's places, NOTHING where there is none, HIDDEN where one is hidden."""
    items = torch.from_numpy(histories.items)[view.places.clamp(min=0)]  # (b, c)
    items = torch.where(view.places < 0, NOTHING, items)  # (b, c)
    return torch.where(view.hidden, HIDDEN, items).to(device)  # (b, c)
