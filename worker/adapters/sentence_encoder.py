"""Text encoder: a sentence-transformers model in a folder."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sentence_transformers import SentenceTransformer

BATCH_TEXTS = 64


class SentenceEncoder:
    """Follows `models.text_encoder.TextEncoder`. Reads the folder only, nothing from anywhere else; on the CPU.

    Attributes:
        name: of the folder.
        width: numbers in a vector.
    """

    def __init__(self, folder: Path) -> None:
        """Raises OSError or ValueError when there is no such model in the folder."""
        self._model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        self.name = folder.name
        self.width = self.encode([""]).shape[1]  # asking the model for it has another name in each version

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """(n, width) for n texts."""
        vectors = self._model.encode(list(texts), batch_size=BATCH_TEXTS, show_progress_bar=False)
        return np.asarray(vectors, np.float32)
