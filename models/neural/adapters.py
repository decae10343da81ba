"""What training on the stream may change of an encoder: everything, or few parameters beside a base that stands still.

An adapter turns the tables that are trained into parameters of the encoder, and slopes of these into slopes of its
tables. Names ending in `.down` and `.up` are the two factors of a change of low rank.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from typing_extensions import override

from models.batch import Float32s
from models.neural.encoders.encoder import SequenceEncoder
from models.neural.reading import Tables, parameters_of
from models.sequence_options import LORA, PREFIX, TOP

Wanted = Callable[[str], bool]

PREFIXES = "prefix"
_SPREAD = 0.02


class Adapter(ABC):
    """Of an encoder whose parameters are `base` at first."""

    def __init__(self, base: Tables) -> None:
        self.base = base

    @abstractmethod
    def first(self) -> Tables:
        """The tables that are trained, as they begin: the encoder is its base."""

    @abstractmethod
    def parameters(self, tables: Tables) -> Tables:
        """Those of the encoder's parameters that may change, by these tables."""

    @abstractmethod
    def gradients(self, tables: Tables, slopes: Tables) -> Tables:
        """Of each table, by the slopes of the parameters that may change."""

    def changing(self) -> frozenset[str]:
        """Names of the parameters that may change."""
        return frozenset(self.parameters(self.first()))


class Chosen(Adapter):
    """Some of the parameters themselves are trained, perhaps all of them."""

    def __init__(self, base: Tables, wanted: Wanted) -> None:
        super().__init__(base)
        self._wanted = wanted

    @override
    def first(self) -> Tables:
        return {name: array.copy() for name, array in self.base.items() if self._wanted(name)}

    @override
    def parameters(self, tables: Tables) -> Tables:
        return tables

    @override
    def gradients(self, tables: Tables, slopes: Tables) -> Tables:
        return slopes


class LowRank(Adapter):
    """LoRA (Hu et al. 2022): to each matrix W of a layer B A is added, A (r, in) small and B (out, r) zero at first.

    The slopes of A and B follow from that of W by the chain rule, so any layer that torch knows will do.
    """

    def __init__(self, base: Tables, rank: int) -> None:
        super().__init__(base)
        self._rank = rank
        self._matrices = [name for name, array in base.items() if array.ndim > 1 and not name.endswith("positions")]

    @override
    def first(self) -> Tables:
        random, tables = np.random.default_rng(self._rank), Tables()
        for name in self._matrices:
            out, into = _flat(self.base[name]).shape
            spread = np.float32(into**-0.5)
            tables[f"{name}.down"] = random.standard_normal((self._rank, into), np.float32) * spread
            tables[f"{name}.up"] = np.zeros((out, self._rank), np.float32)
        return tables

    @override
    def parameters(self, tables: Tables) -> Tables:
        changes = {name: tables[f"{name}.up"] @ tables[f"{name}.down"] for name in self._matrices}
        return {name: self.base[name] + change.reshape(self.base[name].shape) for name, change in changes.items()}

    @override
    def gradients(self, tables: Tables, slopes: Tables) -> Tables:
        gradients = Tables()
        for name in self._matrices:
            slope = _flat(slopes[name])  # (out, in)
            gradients[f"{name}.down"] = tables[f"{name}.up"].T @ slope
            gradients[f"{name}.up"] = slope @ tables[f"{name}.down"].T
        return gradients


class Prefixed(nn.Module):
    """An encoder that finds some learned vectors before each history (prefix tuning, Li & Liang 2021)."""

    def __init__(self, encoder: SequenceEncoder, count: int, width: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.prefix = nn.Parameter(torch.randn(count, width) * _SPREAD)  # (p, d)

    def forward(self, inputs: Tensor, known: Tensor) -> Tensor:
        """(b, d): of histories (b, l, d), newest first, in which the prefix stands for the oldest p items."""
        prefix = self.prefix.expand(len(inputs), -1, -1)  # (b, p, d)
        taken = known.new_ones(1, 1).expand(prefix.shape[:2])  # (b, p)
        vectors: Tensor = self.encoder(torch.cat([inputs, prefix], 1), torch.cat([known, taken], 1))  # (b, d)
        return vectors


def adapter_of(tuning: str, encoder: nn.Module, size: int) -> Adapter:
    """That of a choice of `models.sequence_options`, for the encoder as it is."""
    base = parameters_of(encoder)
    if tuning == LORA:
        return LowRank(base, size)
    if tuning == PREFIX:
        return Chosen(base, lambda name: name == PREFIXES)
    if tuning == TOP and isinstance(encoder, SequenceEncoder):
        return Chosen(base, lambda name: name.startswith(encoder.top))
    return Chosen(base, lambda name: True)


def _flat(matrix: Float32s) -> Float32s:
    """(out, in); a convolution's other axes count as inputs."""
    return matrix.reshape(len(matrix), -1)
