"""TaskNetwork: one encoder and one table of items below all tasks."""

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from models.neural.heads import Bilinear
from models.neural.network import Network
from models.neural.plan import TasksPlan
from models.neural.tasks.balance import BALANCES
from models.neural.tasks.towers import TOWERS
from models.neural.tasks.values import MSE


class TaskNetwork(nn.Module):
    """Rankers first, one a task, then a teller of values, where values are stated.

    Each ranker scores with the shared head and biases, and a bias of its own for each item.
    """

    def __init__(
        self, shared: Network, rankers: int, plan: TasksPlan, dropout: float, teller: "Teller | None" = None
    ) -> None:
        super().__init__()
        items, width = shared.items.shape
        tasks = rankers + (teller is not None)
        self.shared = shared
        self.towers = TOWERS[plan.towers](tasks, width, dropout, plan.experts)
        self.biases = nn.Parameter(torch.zeros(rankers, items))  # (rankers, items)
        self.teller = teller
        self.balance = BALANCES[plan.balance]([False] * rankers + [plan.values == MSE] * (tasks - rankers))

    def told(self, vectors: Tensor, rows: Tensor, stated: Tensor) -> Tensor:
        """(n,): what encoder's vectors (n, d) would state of the items in `rows` (n,); `stated` (n,): see `Teller`."""
        if self.teller is None:
            raise ValueError("no task tells values")
        users, items = self.towers(vectors, -1), embedding(rows, self.shared.items)  # (n, d), (n, d)
        told: Tensor = self.teller(users, items, rows, stated)  # (n,)
        return told


class Teller(nn.Module):
    """What a user would state of an item: the item's bias, the user's so far, and u'Wv, which starts at 0.

    The two biases are the baseline of Koren (2009, equation 1), the user's a mean that follows the stream.
    """

    def __init__(self, width: int, biases: Tensor) -> None:
        super().__init__()
        self.fits = Bilinear(width)
        nn.init.zeros_(self.fits.weights)
        self.biases = nn.Parameter(biases)  # (items,)
        self.user_weight = nn.Parameter(torch.ones(()))

    def forward(self, users: Tensor, items: Tensor, rows: Tensor, stated: Tensor) -> Tensor:
        """(n,): of users (n, d) and items (n, d), whose rows (n,) are given.

        `stated` (n,): how far from the usual the users' events so far are, in the mean.
        """
        return self.fits.pairs(users, items) + self.biases[rows] + self.user_weight * stated  # (n,)


class Ranker:
    """One ranking task: scores as those of a `Network`, of the encoder's vectors."""

    def __init__(self, network: TaskNetwork, task: int) -> None:
        self._network, self._task = network, task

    def scores(self, vectors: Tensor, rows: Tensor | None = None) -> Tensor:
        """(n, m): of encoder's vectors (n, d) with all items, or with those in `rows` (m,)."""
        network = self._network
        bias = network.biases[self._task]  # (items,)
        shared = network.shared.scores(network.towers(vectors, self._task), rows)  # (n, m)
        return shared + (bias if rows is None else bias[rows])  # (n, m)

    def score_pairs(self, vectors: Tensor, rows: Tensor) -> Tensor:
        """(n,): of encoder's vectors (n, d), each with the item in `rows` (n,)."""
        network = self._network
        shared = network.shared.score_pairs(network.towers(vectors, self._task), rows)  # (n,)
        return shared + network.biases[self._task, rows]  # (n,)
