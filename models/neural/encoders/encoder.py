"""SequenceEncoder: the one interface of all encoders, and the sizes that they are made of."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """Sizes of an encoder.

    Attributes:
        width: d, of the vectors that come in and go out.
        length: l, how many places a history has at most.
        blocks: layers upon each other.
        heads: of attention, among which the width is divided.
        dropout: share of the inner values that are zero while training.
    """

    width: int = 64
    length: int = 50
    blocks: int = 2
    heads: int = 1
    dropout: float = 0.2

    def __post_init__(self) -> None:
        if min(self.width, self.length, self.blocks, self.heads) < 1:
            raise ValueError("width, length, blocks and heads are 1 or more")
        if self.width % self.heads:
            raise ValueError(f"a width of {self.width} cannot be divided among {self.heads} heads")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is from 0 to below 1, not {self.dropout}")


class SequenceEncoder(nn.Module, ABC):
    """A history, newest place first, becomes a vector.

    Attributes:
        top: how the names of the parameters of the last layer begin.
    """

    top: tuple[str, ...]

    def forward(self, inputs: Tensor, known: Tensor) -> Tensor:
        """(b, d): what histories say. `inputs` (b, l, d), newest first; `known` (b, l) bool, places that are taken.

        What stands at other places does not count. A history without any known place gives anything finite.
        """
        return self.everywhere(inputs, known)[:, 0]  # (b, d)

    def around(self, inputs: Tensor, known: Tensor) -> Tensor:
        """(b, l, d): at each place, what it and all others say, newer ones too, where the encoder can look both ways.

        The others see what is older, as `everywhere`.
        """
        return self.everywhere(inputs, known)

    @abstractmethod
    def everywhere(self, inputs: Tensor, known: Tensor) -> Tensor:
        """(b, l, d): at each place, what it and all older ones say: one example of training a place.

        At places that are not known, anything finite.
        """
