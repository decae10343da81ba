"""Towers: what each task makes of the vector that all share."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import relu
from typing_extensions import override


class Towers(nn.Module, ABC):
    """A vector for each of t tasks, from the encoder's."""

    @abstractmethod
    def forward(self, vectors: Tensor, task: int) -> Tensor:
        """(n, d): the task's, of the encoder's vectors (n, d)."""


class Residual(nn.Module):
    """x + W relu(Vx + b), which starts as x itself: what the encoder alone would do."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(width, width), nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(n, d), of x (n, d)."""
        out: Tensor = x + self.outer(self.dropout(relu(self.inner(x))))  # (n, d)
        return out


class SharedBottom(Towers):
    """The encoder is the bottom; each task has a tower of its own upon it (Caruana 1997; Ma et al. 2018, figure 1a)."""

    def __init__(self, tasks: int, width: int, dropout: float, _experts: int) -> None:
        super().__init__()
        self.towers = nn.ModuleList(Residual(width, dropout) for _ in range(tasks))

    @override
    def forward(self, vectors: Tensor, task: int) -> Tensor:
        out: Tensor = self.towers[task](vectors)  # (n, d)
        return out


class MultiGateMixture(Towers):
    """MMoE: a task's gate mixes experts that all share, below the task's tower (Ma et al. 2018, equations 5 to 7)."""

    def __init__(self, tasks: int, width: int, dropout: float, experts: int) -> None:
        super().__init__()
        self.experts = nn.ModuleList(Residual(width, dropout) for _ in range(experts))
        self.gates = nn.ModuleList(nn.Linear(width, experts, bias=False) for _ in range(tasks))
        self.towers = nn.ModuleList(Residual(width, dropout) for _ in range(tasks))

    @override
    def forward(self, vectors: Tensor, task: int) -> Tensor:
        shares = self.gates[task](vectors).softmax(1)  # (n, e)
        known = torch.stack([expert(vectors) for expert in self.experts], 1)  # (n, e, d)
        mixed = (shares[:, None] @ known)[:, 0]  # (n, d)
        out: Tensor = self.towers[task](mixed)  # (n, d)
        return out


TOWERS: Mapping[str, Callable[[int, int, float, int], Towers]] = {
    "shared-bottom": SharedBottom,
    "mmoe": MultiGateMixture,
}
