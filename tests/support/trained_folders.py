"""Folders of trained models, written without a training, so that any part may be what no training writes."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save

from tests.support.bases import base_of
from worker.trained_model import CONFIG, MODEL

Arrays = dict[str, npt.NDArray[Any]]


def sound(encoder: str = "pooled") -> tuple[Arrays, dict[str, Any]]:
    """Weights and configuration of a model of two items."""
    base = base_of(encoder)
    arrays: Arrays = {"items": base.items[:2], "bias": base.bias[:2]}
    arrays |= {f"encoder.{name}": np.asarray(each) for name, each in base.parameters.items()}
    plan = {"model": encoder, "head": "dot", "encoder": dict(base.sizes)}
    return arrays, {"plan": plan, "items": ["i0", "i1"]}


def write(folder: Path, arrays: Mapping[str, npt.NDArray[Any]], config: Any) -> None:
    """With the checksum that the weights have, where the configuration has a place for it."""
    weights = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    if isinstance(config, dict):
        config = {**config, "sha256": hashlib.sha256(weights).hexdigest()}
    (folder / MODEL).write_bytes(weights)
    (folder / CONFIG).write_text(json.dumps(config))
