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
    """Rankers first, one a task, then one that tells values, where there is one.

    Each ranker scores with the shared head and biases, and a bias of its own for each item. Values are told by a head
    of their own, for what is taken often is not what is liked.
    """

    def __init__(self, shared: Network, rankers: int, plan: TasksPlan, dropout: float) -> None:
        super().__init__()
        items, width = shared.items.shape
        tasks = rankers + (plan.values is not None)
        self.shared = shared
        self.towers = TOWERS[plan.towers](tasks, width, dropout, plan.experts)
        self.biases = nn.Parameter(torch.zeros(tasks, items))  # (t, items)
        self.value_head = Bilinear(width) if plan.values else None
        self.balance = BALANCES[plan.balance]([False] * rankers + [plan.values == MSE] * (tasks - rankers))

    def values(self, vectors: Tensor, rows: Tensor) -> Tensor:
        """(n,): what is told of encoder's vectors (n, d), each with the item in `rows` (n,)."""
        if self.value_head is None:
            raise ValueError("this network tells no values")
        users = self.towers(vectors, -1)  # (n, d)
        return self.value_head.pairs(users, embedding(rows, self.shared.items)) + self.biases[-1, rows]  # (n,)


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
