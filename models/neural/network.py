"""The two towers and the head: a user, by history or by name, meets all items."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding
from typing_extensions import override

from models.neural.encoders.encoder import EncoderConfig
from models.neural.encoders.registry import ENCODERS
from models.neural.heads import HEADS

SPREAD = 0.02
NCF = "ncf"
NOTHING, HIDDEN = -1, -2
MODELS = (*ENCODERS, NCF)


class Asked(NamedTuple):
    """Whom to recommend to.

    Attributes:
        users: (b,) int64, rows of the users.
        histories: (b, l) int64, rows of their items, newest first, -1 = none; HIDDEN = one that is not to be known.
    """

    users: Tensor
    histories: Tensor


class Network(nn.Module, ABC):
    """Users' vectors, and their scores with all items by a head, an item's own bias added."""

    def __init__(self, items: int, width: int, head: str) -> None:
        super().__init__()
        self.items = nn.Parameter(SPREAD * torch.randn(items, width))  # (items, d)
        self.bias = nn.Parameter(torch.zeros(items))  # (items,)
        self.head = HEADS[head](width)

    @abstractmethod
    def forward(self, asked: Asked) -> Tensor:
        """(b, d): a vector for each user."""

    @abstractmethod
    def everywhere(self, asked: Asked) -> Tensor:
        """(b, l, d): at each place of the histories, what was to be known right after it."""

    def scores(self, users: Tensor, rows: Tensor | None = None) -> Tensor:
        """(n, m): of users' vectors (n, d) with all items, or with those in `rows` (m,)."""
        items = self.items if rows is None else embedding(rows, self.items)  # (m, d)
        bias = self.bias if rows is None else self.bias[rows]  # (m,)
        scores: Tensor = self.head(users, items) + bias  # (n, m)
        return scores

    def score_pairs(self, users: Tensor, rows: Tensor) -> Tensor:
        """(n,): of users' vectors (n, d), each with the item in `rows` (n,)."""
        return self.head.pairs(users, embedding(rows, self.items)) + self.bias[rows]  # (n,)


class SequenceNetwork(Network):
    """Users are what an encoder makes of their history; inputs and outputs share the items' vectors."""

    def __init__(self, model: str, items: int, config: EncoderConfig, head: str) -> None:
        super().__init__(items, config.width, head)
        self.encoder = ENCODERS[model](config)

    @override
    def forward(self, asked: Asked) -> Tensor:
        return self.of_histories(asked.histories)  # (b, d)

    @override
    def everywhere(self, asked: Asked) -> Tensor:
        return self.encoder.everywhere(*self._inputs(asked.histories))  # (b, l, d)

    def of_histories(self, histories: Tensor) -> Tensor:
        """(b, d): a vector for each history (b, l)."""
        vectors: Tensor = self.encoder(*self._inputs(histories))  # (b, d)
        return vectors

    def around(self, histories: Tensor) -> Tensor:
        """(b, l, d): at each place, what all others say: see `SequenceEncoder.around`."""
        return self.encoder.around(*self._inputs(histories))  # (b, l, d)

    def _inputs(self, histories: Tensor) -> tuple[Tensor, Tensor]:
        seen = histories >= 0  # (b, l)
        inputs = embedding(histories.clamp(min=0), self.items) * seen[:, :, None]  # (b, l, d), 0 where hidden
        return inputs, histories != NOTHING  # (b, l, d), (b, l)


class NcfNetwork(Network):
    """Neural collaborative filtering: users are rows of a table, whatever their history (He et al. 2017)."""

    def __init__(self, users: int, items: int, config: EncoderConfig, head: str) -> None:
        super().__init__(items, config.width, head)
        self.users = nn.Parameter(SPREAD * torch.randn(users, config.width))  # (users, d)
        self.dropout = nn.Dropout(config.dropout)

    @override
    def forward(self, asked: Asked) -> Tensor:
        vectors: Tensor = self.dropout(embedding(asked.users, self.users))  # (b, d)
        return vectors

    @override
    def everywhere(self, asked: Asked) -> Tensor:
        vectors: Tensor = self(asked)  # (b, d)
        return vectors[:, None].expand(-1, asked.histories.shape[1], -1)  # (b, l, d)


def network_of(model: str, users: int, items: int, config: EncoderConfig, head: str) -> Network:
    """A new network by the name of its model."""
    if model == NCF:
        return NcfNetwork(users, items, config, head)
    return SequenceNetwork(model, items, config, head)
