"""Scoring heads: how well an item's vector fits a user's."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import relu
from typing_extensions import override


class Head(nn.Module, ABC):
    """Fits of users' vectors and items' vectors, all of one width."""

    @abstractmethod
    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """(n, m): of each of `users` (n, d) with each of `items` (m, d)."""

    @abstractmethod
    def pairs(self, users: Tensor, items: Tensor) -> Tensor:
        """(n,): of `users` (n, d) and `items` (n, d), place by place."""


class Dot(Head):
    """u'v, the inner product of matrix factorisation."""

    def __init__(self, width: int) -> None:
        super().__init__()

    @override
    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return users @ items.T  # (n, m)

    @override
    def pairs(self, users: Tensor, items: Tensor) -> Tensor:
        return (users * items).sum(1)  # (n,)


class Bilinear(Head):
    """u'Wv, whose matrix starts as that of the inner product."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.eye(width))  # (d, d)

    @override
    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return users @ (self.weights @ items.T)  # (n, m)

    @override
    def pairs(self, users: Tensor, items: Tensor) -> Tensor:
        return ((users @ self.weights) * items).sum(1)  # (n,)


class Mlp(Head):
    """NeuMF (He et al. 2017, section 3.4): a product by parts beside a tower over both vectors, joined by weights.

    The paper gives each half tables of its own; here they share one.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.of_user, self.of_item = (
            nn.Linear(width, width),
            nn.Linear(width, width, bias=False),
        )  # of [u; v]: one layer
        self.inner = nn.Linear(width, width // 2)
        self.by_part, self.by_unit = nn.Linear(width, 1, bias=False), nn.Linear(width // 2, 1, bias=False)
        nn.init.ones_(self.by_part.weight)  # starts as the inner product

    @override
    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        parts = (users * self.by_part.weight) @ items.T  # (n, m)
        return parts + self._tower(self.of_user(users)[:, None] + self.of_item(items))  # (n, m)

    @override
    def pairs(self, users: Tensor, items: Tensor) -> Tensor:
        parts = (users * self.by_part.weight * items).sum(1)  # (n,)
        return parts + self._tower(self.of_user(users) + self.of_item(items))  # (n,)

    def _tower(self, joined: Tensor) -> Tensor:
        units = relu(self.inner(relu(joined)))  # (..., d / 2)
        out: Tensor = self.by_unit(units)[..., 0]  # (...)
        return out


HEADS: Mapping[str, Callable[[int], Head]] = {"dot": Dot, "bilinear": Bilinear, "mlp": Mlp}
