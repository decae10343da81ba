"""Embeddings of descriptions: a vector that came with them, and what a text encoder makes of the text, side by side."""

from collections.abc import Sequence

import numpy as np

from models.batch import Float32s
from models.descriptions import Description
from models.text_encoder import TextEncoder

LEAST_LENGTH = 1e-9


def embeddings_of(descriptions: Sequence[Description], ready_width: int, encoder: TextEncoder | None) -> Float32s:
    """(n, ready width + the encoder's): each of the two of length 1, or all 0 where there is none."""
    blocks = [_unit(_ready(descriptions, ready_width))]
    if encoder:
        blocks.append(_unit(_encoded(descriptions, encoder)))
    return np.concatenate(blocks, axis=1)


def _ready(descriptions: Sequence[Description], width: int) -> Float32s:
    """Those that came; one of another width counts as none."""
    vectors = np.zeros((len(descriptions), width), np.float32)
    for vector, said in zip(vectors, descriptions, strict=True):
        if len(said.embedding) == width:
            vector[:] = said.embedding
    return vectors


def _encoded(descriptions: Sequence[Description], encoder: TextEncoder) -> Float32s:
    """Raises ValueError where the encoder does not do what it says."""
    vectors = encoder.encode([each.words for each in descriptions])
    if vectors.shape != (len(descriptions), encoder.width) or vectors.dtype != np.float32:
        raise ValueError(f"{encoder.name} made {vectors.dtype} of shape {vectors.shape} of {len(descriptions)} texts")
    return vectors


def _unit(vectors: Float32s) -> Float32s:
    """What is not finite counts as nothing."""
    finite = np.where(np.isfinite(vectors).all(axis=1, keepdims=True), vectors, np.float32(0.0))
    lengths = np.linalg.norm(finite, axis=1, keepdims=True)
    unit: Float32s = finite / np.maximum(lengths, np.float32(LEAST_LENGTH))
    return unit
