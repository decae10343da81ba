"""The folder of a training: checkpoint, model, configuration and card, each there whole or not at all."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from worker.errors import ConfigurationError, StateError
from worker.trained_model import CONFIG, MODEL

CHECKPOINT, PRETRAINING_CHECKPOINT = "checkpoint.safetensors", "pretraining.safetensors"
CARD = "MODEL.md"
VERSION = "millrace-training-1"

Arrays = Mapping[str, np.ndarray]


def write_checkpoint(path: Path, arrays: Arrays, facts: Mapping[str, Any]) -> None:
    """One file, whose header holds the facts and a checksum of all. Raises ConfigurationError."""
    text = json.dumps(facts)
    header = {"version": VERSION, "facts": text, "sha256": _digest(arrays, text)}
    write_whole(path, save(dict(arrays), header))


def read_checkpoint(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """What `write_checkpoint` wrote; None where there is no checkpoint.

    Raises StateError for one that is altered, or that something else wrote.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, "numpy") as file:
            header = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no mapping
    except (SafetensorError, OSError) as error:
        raise StateError(f"cannot read the checkpoint {path}: {error}", "remove it to train anew") from error
    if header.get("version") != VERSION:
        raise StateError(f"{path} is no checkpoint of this version of millrace train", "name another folder with --out")
    if _digest(arrays, header.get("facts", "")) != header.get("sha256"):
        raise StateError(f"the checkpoint {path} was altered", "remove it to train anew")
    return arrays, json.loads(header["facts"])


def write_model(folder: Path, arrays: Arrays, config: Mapping[str, Any], card: str) -> None:
    """Model, then configuration with the model's checksum, then card. Raises ConfigurationError."""
    content = save(dict(arrays), {"version": VERSION})
    write_whole(folder / MODEL, content)
    whole = {**config, "sha256": hashlib.sha256(content).hexdigest()}
    write_whole(folder / CONFIG, json.dumps(whole, indent=2).encode())
    write_whole(folder / CARD, card.encode())


def make_folder(folder: Path) -> None:
    """Raises ConfigurationError where it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"cannot make {folder}: {error.strerror}", "name another folder with --out") from error


def write_whole(path: Path, content: bytes) -> None:
    """The file appears whole or stays as it was, and survives a power failure. Raises ConfigurationError."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}", "free space or give rights there") from error


def _digest(arrays: Arrays, text: str) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()
