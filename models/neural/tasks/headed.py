"""Headed: an encoder with the towers of some ranking tasks upon it, as one encoder."""

import torch
from torch import Tensor
from typing_extensions import override

from models.neural.encoders.encoder import SequenceEncoder
from models.neural.tasks.towers import Towers


class Headed(SequenceEncoder):
    """The mean of the vectors that t tasks' towers make of the encoder's.

    With the mean of the tasks' biases an item's logit is the mean of its logits: up to a constant, the logarithm of
    the geometric mean of the tasks' softmaxes (a logarithmic opinion pool, Genest & Zidek 1986).
    """

    top = ("towers.towers.",)

    def __init__(self, encoder: SequenceEncoder, towers: Towers, tasks: int) -> None:
        super().__init__()
        self.encoder, self.towers, self._tasks = encoder, towers, tasks

    @override
    def forward(self, inputs: Tensor, known: Tensor) -> Tensor:
        return self._pooled(self.encoder(inputs, known))  # (b, d)

    @override
    def everywhere(self, inputs: Tensor, known: Tensor) -> Tensor:
        vectors = self.encoder.everywhere(inputs, known)  # (b, l, d)
        return self._pooled(vectors.flatten(0, 1)).view_as(vectors)  # (b, l, d)

    def _pooled(self, vectors: Tensor) -> Tensor:
        """(n, d), of the encoder's vectors (n, d)."""
        return torch.stack([self.towers(vectors, task) for task in range(self._tasks)]).mean(0)  # (n, d)
