"""How the losses of several tasks become one."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from typing_extensions import override


class Balance(nn.Module, ABC):
    """A sum of t tasks' losses, by weights."""

    @abstractmethod
    def forward(self, losses: Mapping[int, Tensor]) -> Tensor:
        """(): of the losses () of those tasks that have examples, by number."""


class Uncertainty(Balance):
    """Each task's loss by the noise that it is learned to have (Kendall, Gal & Cipolla 2018, equations 7 and 10).

    L exp(-s) + s / 2 where a class is told, half of the first part where a number is, with s the logarithm of the
    variance. It starts at s = 0.
    """

    def __init__(self, of_numbers: Sequence[bool]) -> None:
        super().__init__()
        self.log_variances = nn.Parameter(torch.zeros(len(of_numbers)))  # (t,)
        self._factors = [0.5 if of_number else 1.0 for of_number in of_numbers]

    @override
    def forward(self, losses: Mapping[int, Tensor]) -> Tensor:
        parts = [
            self._factors[task] * loss * (-self.log_variances[task]).exp() + self.log_variances[task] / 2
            for task, loss in losses.items()
        ]
        return torch.stack(parts).sum()


class Even(Balance):
    """The plain sum."""

    def __init__(self, _of_numbers: Sequence[bool]) -> None:
        super().__init__()

    @override
    def forward(self, losses: Mapping[int, Tensor]) -> Tensor:
        return torch.stack(list(losses.values())).sum()


BALANCES: Mapping[str, Callable[[Sequence[bool]], Balance]] = {"uncertainty": Uncertainty, "even": Even}
