"""Goal: what a training is for. The trainer knows no more of it than stands here."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from models.batch import Int64s
from models.neural.network import Network

RANKING_MEASURE = "ndcg_at_10"


class Goal(ABC):
    """A network, and what it is to learn from windows of training events.

    Attributes:
        network: what is trained.
        windows: (w, c) int64, places of training events, -1 = none; a step takes some of the rows.
    """

    network: nn.Module
    windows: Int64s

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    @property
    @abstractmethod
    def base(self) -> Network:
        """The part that has the items' vectors, and that pre-training may give."""

    @abstractmethod
    def loss(self, places: Int64s) -> Tensor:
        """(): of windows (b, c)."""

    def figures(self, places: Int64s) -> dict[str, Any]:
        """How good the network is on held-out events (h,), by the parameters as they are; nothing by default."""
        return {}

    def quality(self, figures: dict[str, Any]) -> float | None:
        """By which validation chooses, the higher the better; None = the last epoch is the best."""
        measure: float | None = figures.get(RANKING_MEASURE)
        return measure


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """What is drawn inside follows from the seed, and leaves others' random numbers as they are."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Without gradients and dropout; afterwards as before."""
    was_training = network.training
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        network.train(was_training)
