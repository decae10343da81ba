"""How histories are read for lists and bets: compiled for the encoder of most workers, by torch for the others."""

from abc import ABC, abstractmethod

import numpy as np
import torch
from typing_extensions import override

from models.batch import Float32s, Int32s
from models.neural.attention import NewestAttention
from models.neural.compiled_attention import Weights, Workspace, encode_histories
from models.neural.tuned import Tuned

CHUNK = 32


class Reader(ABC):
    """Makes vectors (b, d) of up to 32 histories; one does not depend, to the last bit, on what is read with it."""

    @abstractmethod
    def refresh(self) -> None:
        """The encoder's parameters are others now."""

    @abstractmethod
    def read(self, items: Float32s, histories: Int32s) -> Float32s:
        """Of histories (b, l) of rows of `items` (n, d), newest first, -1 = none; each knows one row at least."""


class CompiledReader(Reader):
    """Of the encoder of `attention.py`."""

    def __init__(self, encoder: NewestAttention) -> None:
        self._encoder = encoder
        self._weights = Weights.of(encoder)
        self._workspace = Workspace.empty(self._weights)

    @override
    def refresh(self) -> None:
        self._weights = Weights.of(self._encoder)

    @override
    def read(self, items: Float32s, histories: Int32s) -> Float32s:
        vectors = np.zeros((len(histories), items.shape[1]), np.float32)
        encode_histories(self._weights, self._workspace, items, histories, vectors)
        return vectors


class TorchReader(Reader):
    """Of any encoder: chunks are filled up to one size, since sums depend on it."""

    def __init__(self, tuned: Tuned) -> None:
        self._tuned = tuned

    @override
    def refresh(self) -> None:
        """It reads the encoder itself."""

    @override
    def read(self, items: Float32s, histories: Int32s) -> Float32s:
        filled = np.zeros((CHUNK, histories.shape[1]), np.int64)
        filled[: len(histories)] = histories
        with torch.inference_mode():
            vectors = self._tuned.read(torch.from_numpy(items), torch.from_numpy(filled))  # (32, d)
        read: Float32s = vectors.numpy()[: len(histories)]
        return read


def reader_of(tuned: Tuned) -> Reader:
    """The fastest there is for the encoder."""
    encoder = tuned.encoder
    return CompiledReader(encoder) if isinstance(encoder, NewestAttention) else TorchReader(tuned)
