"""Text encoders: models made elsewhere that turn texts into vectors whose cosines say how alike the texts are."""

from collections.abc import Sequence
from typing import Protocol

from models.batch import Float32s


class TextEncoder(Protocol):
    """One such model."""

    @property
    def name(self) -> str:
        """Tells it from others: what it encoded is kept as long as the name stays."""

    @property
    def width(self) -> int:
        """Numbers in a vector."""

    def encode(self, texts: Sequence[str]) -> Float32s:
        """(n, width) for n texts."""
