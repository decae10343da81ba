"""A model that `millrace train` made, as the worker's sequence expert starts from it."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from models.experts.sequence import WIDTH, WINDOW_EVENTS
from models.sequence_options import BaseModel
from worker.errors import StateError

MODEL, CONFIG = "model.safetensors", "config.json"
_ENCODER = "encoder."
_ANEW = "give the folder that millrace train wrote with --out, or train anew"


def read_base(folder: Path, prefixes: int) -> BaseModel:
    """The model in a folder, before whose histories so many learned vectors have room.

    Raises StateError for one that is not there, altered, or of a kind or size that cannot serve.
    """
    try:
        content, config = (folder / MODEL).read_bytes(), json.loads((folder / CONFIG).read_bytes())
        checksum = hashlib.sha256(content).hexdigest()
        if config["sha256"] != checksum:
            raise StateError(f"{folder / MODEL} was altered: it is not what {CONFIG} names", _ANEW)
        return _base(checksum, load(content), config, WINDOW_EVENTS + prefixes)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise StateError(f"cannot read the model in {folder}: {error!r}", _ANEW) from error


def _base(
    checksum: str, arrays: dict[str, np.ndarray[Any, Any]], config: dict[str, Any], least_length: int
) -> BaseModel:
    plan, ids, sizes = config["plan"], config["items"], config["plan"]["encoder"]
    parameters = {name.removeprefix(_ENCODER): each for name, each in arrays.items() if name.startswith(_ENCODER)}
    if plan.get("tasks") is not None:
        raise StateError(
            "a model of several tasks cannot be the base of the sequence expert", "train it without --tasks"
        )
    if plan["head"] != "dot" or not parameters:
        raise StateError(
            f"model {plan['model']} with head {plan['head']} cannot be the base of the sequence expert",
            "train sasrec, gru, cnn or pooled, with --head dot",
        )
    if sizes["width"] != WIDTH or sizes["length"] < least_length:
        raise StateError(
            f"a model of width {sizes['width']} and length {sizes['length']} cannot be the base of the sequence expert",
            f"train it with --width {WIDTH} and --length {least_length} or more",
        )
    items, bias = arrays["items"], arrays["bias"]
    if len(items) != len(ids) or len(bias) != len(ids):
        raise ValueError(f"{len(items)} vectors and {len(bias)} biases of {len(ids)} items")
    rows = {item: row for row, item in enumerate(ids)}
    return BaseModel(checksum, plan["model"], sizes, parameters, rows, items, bias)
